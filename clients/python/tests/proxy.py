"""A proxy that is as unreliable as it is told to be: it refuses requests as the service does, and loses answers."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Callable
from urllib.parse import urlsplit

BUSY = (
    b'{"error":"kv_store_busy","message":"another operation is in progress, please retry",'
    b'"detail":"kv_store_busy: another operation is in progress, please retry"}'
)


class Proxy:
    """Forwards to a service, in a thread of its own."""

    def __init__(self, url: str, *, busy: float = 0, lost: float = 0, retry_after: int = 1, seed: int = 1) -> None:
        self._upstream = urlsplit(url)
        #: How likely it is that a request is refused, and that an answer is lost.
        self.busy = busy
        self.lost = lost
        self._retry_after = retry_after
        self._random = random.Random(seed)
        #: What it did to requests.
        self.refused = self.swallowed = self.forwarded = 0
        #: Called with each request's head and body before anything else is done.
        self.seen: Callable[[str, bytes], None] = lambda head, body: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = started.result()
        self.url = "http://{}:{}".format(*self._server.sockets[0].getsockname())

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        try:
            while await self._exchange(reader, writer, *upstream):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            upstream[1].close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_service: asyncio.StreamReader,
        to_service: asyncio.StreamWriter,
    ) -> bool:
        head, body = await message(reader)
        self.seen(head.decode("latin-1"), body)
        if self._random.random() < self.busy:
            self.refused += 1
            answer = f"HTTP/1.1 409 Conflict\r\nRetry-After: {self._retry_after}\r\nContent-Length: {len(BUSY)}\r\n\r\n"
            writer.write(answer.encode() + BUSY)
            return True
        to_service.write(head + body)
        answer_head, answer_body = await message(from_service)
        if self._random.random() < self.lost:
            # The service has done it, and nobody hears of it.
            self.swallowed += 1
            return False
        self.forwarded += 1
        writer.write(answer_head + answer_body)
        return True


async def message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of the next message."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return head, await reader.readexactly(length)
