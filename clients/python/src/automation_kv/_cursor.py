"""How far work has got, with nobody moving it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _calls
from ._calls import Call
from .types import JSON, Entry, Written

if TYPE_CHECKING:
    from ._async import AsyncKV
    from ._client import KV


class _Cursor:
    def __init__(self, name: str, default: JSON) -> None:
        self.name = name
        #: How far the work has got.
        self.value: Any = default
        self._key_version = 0

    def _found(self, entry: Entry | None) -> None:
        if entry is not None:
            self.value, self._key_version = entry.value, entry.key_version

    def _move(self, value: JSON) -> Call[Written]:
        return _calls.set_to(self.name, value).on(key_version=self._key_version)

    def _moved(self, value: JSON, written: Written) -> None:
        self.value, self._key_version = value, written.version


class Cursor(_Cursor):
    """A cursor as `KV.cursor` read it."""

    def __init__(self, kv: KV, name: str, default: JSON) -> None:
        super().__init__(name, default)
        self._kv = kv
        self._found(kv.entry(name))

    def advance(self, value: JSON) -> None:
        """Moves it; `VersionMismatch` if somebody else has moved it since it was read here."""
        self._moved(value, self._kv._run(self._move(value)))


class AsyncCursor(_Cursor):
    """A cursor as `AsyncKV.cursor` read it."""

    def __init__(self, kv: AsyncKV, name: str, default: JSON) -> None:
        super().__init__(name, default)
        self._kv = kv

    async def advance(self, value: JSON) -> None:
        """Moves it; `VersionMismatch` if somebody else has moved it since it was read here."""
        self._moved(value, await self._kv._run_async(self._move(value)))
