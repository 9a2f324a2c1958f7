"""A state in a file of its own, for development: the engine is the service's, the storage is a lock and a rename."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

from ._calls import Call
from ._engine import Compiled, Session
from ._wit import Asked
from .errors import NotConfigured

try:
    import fcntl
except ImportError as error:
    raise ImportError("KV.local locks its file as POSIX systems do; on Windows use it in WSL") from error

T = TypeVar("T")

_compiled: list[Compiled] = []
_compiling = Lock()


class LocalFile:
    """A state in a file, the engine's document as it is, which processes on this machine may share."""

    def __init__(self, path: str | os.PathLike[str], state_limit: int) -> None:
        self._path = Path(path)
        self._state_limit = state_limit
        if not self._path.absolute().parent.is_dir():
            raise NotConfigured(f"the folder of {self._path} does not exist: make it first")
        self._engine = _engine()

    def run(self, call: Call[T]) -> T:
        """Carries a call out. What changed is on disk before this returns."""
        asked = Asked(call)
        with self._lock():
            state, sealed_at_ms = self._load()
            session = Session(self._engine, state, sealed_at_ms)
            outcome, payload = session.run(asked.request, self._state_limit, time.time_ns() // 1_000_000)
            if session.saved is not None:
                self._save(session.saved)
        if outcome == "ok":
            return call.parse(asked.answer(payload))
        return call.refused(asked.error(payload))

    def close(self) -> None:
        """Nothing is held between calls."""

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # A file beside it, as the state itself is replaced with each write.
        with self._path.with_name(self._path.name + ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _load(self) -> tuple[bytes | None, int]:
        try:
            with self._path.open("rb") as file:
                return file.read() or None, os.fstat(file.fileno()).st_mtime_ns // 1_000_000
        except FileNotFoundError:
            return None, 0

    def _save(self, state: bytes) -> None:
        folder = self._path.absolute().parent
        number, name = tempfile.mkstemp(prefix=self._path.name + ".", dir=folder)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink()
            raise
        directory = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _engine() -> Compiled:
    with _compiling:
        if not _compiled:
            _compiled.append(Compiled())
        return _compiled[0]
