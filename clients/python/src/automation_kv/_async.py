"""`AsyncKV`: the store, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from os import PathLike
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Protocol, TypeVar

from . import _calls
from ._batch import AsyncBatch
from ._calls import Call
from ._cursor import AsyncCursor
from ._exchange import Exchange
from ._http import Answer
from ._lease import LeaseState
from ._methods import Marks, Reads, Writes
from ._settings import Limits, base_url_of, token_of
from ._transaction import AttemptState, Transaction
from .errors import Held, KVError, NotHeld
from .types import JSON, Duration, Entry

if TYPE_CHECKING:
    from ._local import LocalFile

T = TypeVar("T")


class AsyncBackend(Protocol):
    """What carries calls out: the service, or an engine of our own."""

    async def run(self, call: Call[T]) -> T:
        """Carries out a call; a `KVError` if it is refused or fails."""
        ...

    async def close(self) -> None:
        """Gives back what it holds."""
        ...


class AsyncKV(Reads, Writes, Marks):
    """One automation's state: what `KV` is, to be awaited. Needs `pip install 'automation-kv[httpx]'`."""

    def __init__(
        self,
        *,
        token: str | None = None,
        url: str | None = None,
        timeout: float = Limits().call,
        attempt_timeout: float = Limits().attempt,
    ) -> None:
        self._limits = Limits(timeout, attempt_timeout)
        self._backend: AsyncBackend = AsyncService(base_url_of(url), token_of(token), self._limits)

    @classmethod
    def local(cls, path: str | PathLike[str], *, state_limit: int = 65_536) -> AsyncKV:
        """The same on a file, through the engine itself; see `KV.local`."""
        from ._local import LocalFile

        kv = cls.__new__(cls)
        kv._limits = Limits()
        kv._backend = _InThread(LocalFile(path, state_limit))
        return kv

    async def _run_async(self, call: Call[T]) -> T:
        return await self._backend.run(call)

    def item(self, key: str) -> Awaitable[Any]:
        """The value of `key`, as `KV` gives it for `kv[key]`; `KeyNotFound` if there is none."""
        return self._run_async(_calls.item(key))

    async def txn(
        self, key: str, change: Callable[[Any], JSON], default: JSON = None, *, ttl: Duration | None = None
    ) -> Any:
        """Changes a value that others change too; see `KV.txn`. `attempts` is the form with a loop."""
        value: Any = None
        transaction = Transaction(key, default, ttl, self._limits, rereads=True)
        async for attempt in self._attempts(transaction):
            async with attempt:
                value = attempt.value = change(attempt.value)
        return value

    async def attempts(
        self, key: str, default: JSON = None, *, ttl: Duration | None = None
    ) -> AsyncIterator[AsyncAttempt]:
        """The loop that `KV.txn` gives: `async for attempt in kv.attempts(key)`, `async with attempt as value`."""
        transaction = Transaction(key, default, ttl, self._limits, rereads=False)
        async for attempt in self._attempts(transaction):
            yield attempt

    async def _attempts(self, transaction: Transaction) -> AsyncIterator[AsyncAttempt]:
        while True:
            try:
                found = await self._run_async(transaction.read)
            except KVError as error:
                transaction.unread(error)
            attempt = AsyncAttempt(transaction, found, self)
            yield attempt
            if attempt.is_done:
                return
            await asyncio.sleep(transaction.pause(attempt))

    def claim(self, name: str, ttl: Duration, *, wait: Duration = 0, owner: str | None = None) -> AsyncLease:
        """A lease for an `async with` block; see `KV.claim`."""
        return AsyncLease(self, name, ttl, wait, owner)

    async def cursor(self, name: str, default: JSON = None) -> AsyncCursor:
        """How far the work has got; see `KV.cursor`."""
        cursor = AsyncCursor(self, name, default)
        cursor._found(await self.entry(name))
        return cursor

    def batch(self, *, if_version: int | None = None) -> AsyncBatch:
        """Up to 100 operations, all or none; see `KV.batch`."""
        return AsyncBatch(self, if_version)

    def if_version(self, version: int) -> AsyncConditional:
        """Writes that go ahead only if the state has this version, else `VersionMismatch`."""
        return AsyncConditional(self, version, None)

    def if_key_version(self, version: int) -> AsyncConditional:
        """Writes that go ahead only if their key has this version (0: is not there), else `VersionMismatch`."""
        return AsyncConditional(self, None, version)

    async def close(self) -> None:
        """Closes the connections."""
        await self._backend.close()

    async def __aenter__(self) -> AsyncKV:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncConditional(Writes):
    """Writes on a condition."""

    def __init__(self, kv: AsyncKV, version: int | None, key_version: int | None) -> None:
        self._kv = kv
        self._version = version
        self._key_version = key_version

    def _run_async(self, call: Call[T]) -> Awaitable[T]:
        return self._kv._run_async(call.on(version=self._version, key_version=self._key_version))


class AsyncAttempt(AttemptState):
    """An attempt of `AsyncKV.attempts`."""

    def __init__(self, transaction: Transaction, found: Entry | None, kv: AsyncKV) -> None:
        super().__init__(transaction, found)
        self._kv = kv

    async def __aenter__(self) -> Any:
        return self.value

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        try:
            call = self.write()
            if call is not None:
                await self._kv._run_async(call)
            self.is_done = True
        except KVError as error:
            self.refused(error)


class AsyncLease(LeaseState):
    """A lease of `AsyncKV.claim`, for an `async with` block, renewed by a task as long as that runs."""

    def __init__(self, kv: AsyncKV, name: str, ttl: Duration, wait: Duration, owner: str | None) -> None:
        super().__init__(name, ttl, wait, owner)
        self._kv = kv
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self) -> AsyncLease:
        """Asks for it, and again as long as it may wait; `Held` if another has it still."""
        give_up_at = monotonic() + self._wait_seconds
        while True:
            asked_at = monotonic()
            try:
                self.granted(asked_at, await self._kv._run_async(self.claim_call()))
                return self
            except Held as held:
                await asyncio.sleep(self.poll_pause(held, give_up_at))

    async def renew(self) -> None:
        """Gives it another time; `NotHeld` if it is over."""
        asked_at = monotonic()
        try:
            self.granted(asked_at, await self._kv._run_async(self.renew_call()))
        except NotHeld:
            self.taken()
            raise

    async def release(self) -> bool:
        """Gives it back; false if it was over already."""
        released = await self._kv._run_async(self.release_call())
        self.taken()
        return released

    async def __aenter__(self) -> AsyncLease:
        await self.acquire()
        self._renewing = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None
        was_lost = self.lost
        # If this fails it ends by itself. What the block raised is worth more, and what it did is done.
        with suppress(KVError):
            was_lost = not await self.release() or was_lost
        if was_lost and kind is None:
            raise self.error()

    async def _keep(self) -> None:
        while not self.lost:
            await asyncio.sleep(self.pause)
            try:
                await self.renew()
            except NotHeld:
                return
            except KVError:
                # Asked again in time, or `lost` tells.
                continue


class AsyncService:
    """The service, over HTTP."""

    def __init__(self, base_url: str, token: str, limits: Limits) -> None:
        try:
            import httpx
        except ImportError as error:
            raise ImportError("AsyncKV needs httpx: pip install 'automation-kv[httpx]'") from error
        self._httpx = httpx
        self._client = httpx.AsyncClient()
        self._base_url = base_url
        self._token = token
        self._limits = limits

    async def run(self, call: Call[T]) -> T:
        """Sends a call, again where that helps, and gives its result."""
        httpx = self._httpx
        exchange = Exchange(call, self._token, self._limits)
        while True:
            try:
                answer = await self._send(exchange)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                pause = exchange.failed(error, was_sent=False)
            except (httpx.TransportError, asyncio.TimeoutError) as error:
                pause = exchange.failed(error, was_sent=True)
            else:
                next_pause = exchange.answered(answer)
                if next_pause is None:
                    return exchange.result
                pause = next_pause
            await asyncio.sleep(pause)

    async def _send(self, exchange: Exchange[Any]) -> Answer:
        request, seconds = exchange.request, exchange.attempt_seconds
        sent = self._client.request(
            request.method,
            self._base_url + request.target,
            headers=request.headers,
            content=request.body,
            timeout=seconds,
        )
        # httpx limits each wait on the network, not their sum.
        response = await asyncio.wait_for(sent, seconds)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content)

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()


class _InThread:
    """The local engine, which would hold up the event loop."""

    def __init__(self, file: LocalFile) -> None:
        self._file = file

    async def run(self, call: Call[T]) -> T:
        return await asyncio.to_thread(self._file.run, call)

    async def close(self) -> None:
        self._file.close()
