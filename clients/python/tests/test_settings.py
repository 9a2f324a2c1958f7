"""Where the client looks for the service and the token."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from automation_kv import KV, Forbidden, KVError, NotConfigured, TokenExpired, Unauthorized, errors
from automation_kv._settings import base_url_of

from .service import Service, token


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AUTOMATION_", "OPENHANDS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"AUTOMATION_API_URL": "http://kv:8420/"}, "http://kv:8420"),
        ({"AUTOMATION_API_URL": "https://app.example/api/automation"}, "https://app.example/api/automation"),
        ({"OPENHANDS_CLOUD_API_URL": "https://app.example"}, "https://app.example/api/automation"),
        ({"OPENHANDS_CLOUD_API_URL": "https://app.example/api/automation/"}, "https://app.example/api/automation"),
        (
            {"AUTOMATION_CALLBACK_URL": "https://app.example:8443/api/automation/v1/runs/7/complete"},
            "https://app.example:8443/api/automation",
        ),
        (
            {
                "AUTOMATION_API_URL": "http://one",
                "OPENHANDS_CLOUD_API_URL": "http://two",
                "AUTOMATION_CALLBACK_URL": "http://x/y",
            },
            "http://one",
        ),
        (
            {"OPENHANDS_CLOUD_API_URL": "http://two", "AUTOMATION_CALLBACK_URL": "http://x/y"},
            "http://two/api/automation",
        ),
    ],
)
def test_the_address_is_the_first_that_the_environment_names(
    environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert base_url_of(None) == url


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotConfigured, match="AUTOMATION_API_URL"):
        KV()
    monkeypatch.setenv("AUTOMATION_API_URL", "kv.example:8420")
    with pytest.raises(NotConfigured, match=r"'kv\.example:8420' is no address"):
        KV()
    monkeypatch.setenv("AUTOMATION_API_URL", "http://kv.example:8420")
    with pytest.raises(NotConfigured, match="AUTOMATION_KV_TOKEN is not set"):
        KV()


@pytest.mark.parametrize("path", ["", "/", "/api/automation", "/api/automation/"])
def test_both_paths_of_the_service_work(service: Service, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMATION_API_URL", service.url + path)
    monkeypatch.setenv("AUTOMATION_KV_TOKEN", token())
    assert KV().incr("n") == 1


def test_a_proxy_of_the_environment_is_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    # The service takes the absolute target that a proxy would be sent, so it can stand for one.
    monkeypatch.setenv("http_proxy", service.url.replace("http://", "http://user:secret@"))
    assert KV(url="http://kv.invalid", token=token()).incr("n") == 1
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert KV(url=service.url, token=token()).incr("n") == 1


def test_a_token_that_does_not_hold_is_told_apart(service: Service) -> None:
    with pytest.raises(TokenExpired, match="token_expired"):
        KV(url=service.url, token=token(exp=1)).get("n")
    with pytest.raises(Unauthorized) as refused:
        KV(url=service.url, token="x.y.z").get("n")
    assert refused.value.status == 401 and refused.value.request_id
    with pytest.raises(Forbidden):
        KV(url=service.url, token=token(admin=True)).get("n")


def test_an_address_of_something_else_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def answer() -> None:
            connection, _ = other.accept()
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NotConfigured, match="is the address that of the service"):
            KV(url="http://{}:{}".format(*other.getsockname()), token="x").get("n")
        thread.join()


def test_no_error_tells_the_token(service: Service) -> None:
    with pytest.raises(KVError) as refused:
        KV(url=service.url, token="very.secret.token").incr("n")
    assert "secret" not in f"{refused.value!r} {refused.value} {refused.value.body}"


def test_every_error_is_exported() -> None:
    import automation_kv

    assert set(errors.__all__) <= set(automation_kv.__all__)
    assert all(issubclass(getattr(automation_kv, name), KVError) for name in errors.__all__)
