"""Connections to the service, kept open between calls, with nothing but the standard library."""

from __future__ import annotations

import os
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from ._http import Answer, Request


class NotSent(Exception):
    """The service was not reached, so it did nothing."""


class Connections:
    """Sends requests, each on a connection that nobody else uses meanwhile. Safe between threads and after a fork."""

    def __init__(self, base_url: str) -> None:
        self._open, self._prefix, self._headers = _way_to(urlsplit(base_url))
        self._idle: list[HTTPConnection] = []
        self._process = os.getpid()

    def send(self, request: Request, timeout: float) -> Answer:
        """Sends and waits for the answer; `timeout` is for each wait on the network.

        `NotSent` if the service was not reached, `OSError` or `HTTPException` if it may have got the request.
        """
        connection = self._take(timeout)
        try:
            headers = {**request.headers, **self._headers}
            connection.request(request.method, self._prefix + request.target, request.body, headers)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, names, response.read())
        except BaseException:
            # Whatever is still under way on it would be taken for the next call's answer. And where one connection
            # ended, the idle ones most often have too.
            connection.close()
            self.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Closes what is open; the next call opens anew."""
        while self._idle:
            self._idle.pop().close()

    def _take(self, timeout: float) -> HTTPConnection:
        if self._process != os.getpid():
            # A child must not talk on its parent's connections.
            self._idle, self._process = [], os.getpid()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open(timeout)
            try:
                connection.connect()
            except (OSError, HTTPException) as error:
                raise NotSent(str(error) or type(error).__name__) from error
        connection.sock.settimeout(timeout)
        return connection


def _way_to(base: SplitResult) -> tuple[Callable[[float], HTTPConnection], str, dict[str, str]]:
    """How to connect to a service, what its targets begin with, and the headers that its proxy wants.

    The proxy is the one that the environment names, if any, as for urllib.
    """
    host, port, is_secure = base.hostname or "", base.port, base.scheme == "https"
    proxy = _proxy(base)
    if proxy is None:
        kind = HTTPSConnection if is_secure else HTTPConnection
        return lambda timeout: kind(host, port, timeout=timeout), base.path, {}
    proxy_host, proxy_port = proxy.hostname or "", proxy.port
    headers = _proxy_headers(proxy)
    if not is_secure:
        return lambda timeout: HTTPConnection(proxy_host, proxy_port, timeout=timeout), base.geturl(), headers

    def tunnel(timeout: float) -> HTTPConnection:
        connection = HTTPSConnection(proxy_host, proxy_port, timeout=timeout)
        connection.set_tunnel(host, port, headers)
        return connection

    return tunnel, base.path, {}


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    from base64 import b64encode

    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(user.encode()).decode()}


def _proxy(parts: SplitResult) -> SplitResult | None:
    if not any(name.lower() == f"{parts.scheme}_proxy" or name.lower() == "all_proxy" for name in os.environ):
        return None
    # Slow to import, and hardly ever needed.
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")
