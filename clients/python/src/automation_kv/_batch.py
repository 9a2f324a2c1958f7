"""Operations that happen together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from . import _calls
from ._calls import Call
from ._methods import BatchedReads, BatchedWrites, Result
from .types import Duration

if TYPE_CHECKING:
    from ._async import AsyncKV
    from ._client import KV

T = TypeVar("T")


class _Batch(BatchedWrites, BatchedReads):
    """Collects operations. Each of its methods gives a `Result`, whose `value` is there after the batch was sent."""

    def __init__(self, if_version: int | None) -> None:
        self._if_version = if_version
        self._noted: list[tuple[Call[Any], Result[Any]]] = []

    def claim(self, name: str, owner: str, ttl: Duration) -> Result[Mapping[str, Any]]:
        """Asks for a lease as a part of the batch; gives its `owner`, `fence` and `expires_at`."""
        return self._note(_calls.claim(name, owner, ttl))

    def _note(self, call: Call[T]) -> Result[T]:
        # Told apart here and not when it is sent: the mistake is in this line of the caller's.
        _calls.operation(call)
        result: Result[T] = Result()
        self._noted.append((call, result))
        return result

    def _call(self) -> Call[list[Mapping[str, Any]]]:
        return _calls.batch([call for call, _ in self._noted], self._if_version)

    def _hand_out(self, answers: list[Mapping[str, Any]]) -> None:
        for (call, result), answer in zip(self._noted, answers):
            result._values.append(call.parse(answer))
        self._noted.clear()


class Batch(_Batch):
    """A batch of `KV`: sent by `send`, or at the end of its `with` block unless that raised."""

    def __init__(self, kv: KV, if_version: int | None) -> None:
        super().__init__(if_version)
        self._kv = kv

    def send(self) -> None:
        """Carries out all operations, or none; `BatchFailed` or `TooLarge` says which one was refused."""
        if self._noted:
            self._hand_out(self._kv._run(self._call()))

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.send()


class AsyncBatch(_Batch):
    """A batch of `AsyncKV`: sent by `send`, or at the end of its `async with` block unless that raised."""

    def __init__(self, kv: AsyncKV, if_version: int | None) -> None:
        super().__init__(if_version)
        self._kv = kv

    async def send(self) -> None:
        """Carries out all operations, or none; `BatchFailed` or `TooLarge` says which one was refused."""
        if self._noted:
            self._hand_out(await self._kv._run_async(self._call()))

    async def __aenter__(self) -> AsyncBatch:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is None:
            await self.send()
