"""The service under test: the real binary, in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

from automation_kv import KV

SECRET = "a secret for tests, and for nothing else"
ROOT = Path(__file__).parents[3]
#: A folder with the plugin rate-limiter of `examples/plugins`.
PLUGINS = (
    [f"--plugins={os.environ['AUTOMATION_KV_TEST_PLUGINS']}"] if "AUTOMATION_KV_TEST_PLUGINS" in os.environ else []
)
BINARY = os.environ.get("AUTOMATION_KV_BINARY", str(ROOT / "target" / "release" / "automation-kv"))


def knob(name: str, default: int) -> int:
    """A number that makes a test longer or shorter: `AUTOMATION_KV_TEST_<name>`."""
    return int(os.environ.get(f"AUTOMATION_KV_TEST_{name}", default))


def token(automation: str | None = None, **claims: Any) -> str:
    """A token for an automation, a new one unless named, as the platform signs it."""
    now = int(time.time())
    payload = {"automation_id": automation or str(uuid.uuid4()), "iat": now, "exp": now + 3600, **claims}
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(payload)}"
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64url(signature)}"


def encoded(part: dict[str, Any]) -> str:
    return base64url(json.dumps(part).encode())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def environment() -> dict[str, str]:
    """Our own, without anything that would change what a program of this repository does."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AUTOMATION_", "OPENHANDS_"))}


class Service:
    """A running service on a new database."""

    def __init__(self, folder: Path) -> None:
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0", "--database-url", f"sqlite://{folder / 'state.db'}", *PLUGINS],
            env={**environment(), "AUTOMATION_KV_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the service does not start: {(folder / 'log').read_text()}"
        self.url = line.split()[2]

    def kv(self, automation: str | None = None, **options: Any) -> KV:
        """A client of an automation, a new one unless named."""
        return KV(url=self.url, token=token(automation), **options)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()
