"""Where the service is and who asks: from the environment that the platform sets."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import NotConfigured

#: The path under which the platform serves the automation API.
PLATFORM_PATH = "/api/automation"


class Limits(NamedTuple):
    """How long anything may take, in seconds."""

    #: A call in all, repetitions and pauses included; a transaction too.
    call: float = 30.0
    #: One attempt. The service itself gives up on a write after 5 unless it was told otherwise.
    attempt: float = 10.0


def token_of(given: str | None) -> str:
    """The token that was given, or `AUTOMATION_KV_TOKEN`."""
    token = given or os.environ.get("AUTOMATION_KV_TOKEN", "")
    if not token.strip():
        raise NotConfigured(
            "no token: AUTOMATION_KV_TOKEN is not set. The platform sets it for each run; on a machine of your own use "
            "`automation-kv token`, or KV.local(path), which needs none"
        )
    return token.strip()


def base_url_of(given: str | None) -> str:
    """The address that `/v1/kv` follows: the one given, or the first that the environment names."""
    url = given or _from_environment()
    if not url:
        raise NotConfigured(
            "no address: none of AUTOMATION_API_URL, OPENHANDS_CLOUD_API_URL and AUTOMATION_CALLBACK_URL is set"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotConfigured(
            f"{url!r} is no address of a service: it must begin with http:// or https:// and name a host"
        )
    return url.rstrip("/")


def _from_environment() -> str | None:
    url = os.environ.get("AUTOMATION_API_URL")
    if url:
        return url
    cloud = os.environ.get("OPENHANDS_CLOUD_API_URL")
    if cloud:
        cloud = cloud.rstrip("/")
        return cloud if cloud.endswith(PLATFORM_PATH) else cloud + PLATFORM_PATH
    callback = os.environ.get("AUTOMATION_CALLBACK_URL")
    if callback:
        parts = urlsplit(callback)
        return f"{parts.scheme}://{parts.netloc}{PLATFORM_PATH}"
    return None
