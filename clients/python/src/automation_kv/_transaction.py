"""Read, change, compare and set; again, if somebody else was faster. No input or output here."""

from __future__ import annotations

import json
import warnings
from time import monotonic
from typing import Any, Callable, NoReturn

from . import _calls
from ._calls import Call
from ._exchange import pause_after_conflict
from ._http import dump
from ._settings import Limits
from .errors import KVError, OutcomeUnknown, VersionMismatch
from .types import JSON, Duration, Entry, Written

#: How many accepted writes of an automation the service remembers by their idempotency keys.
_REMEMBERED_WRITES = 128


class Transaction:
    """The changing of one key, over all its attempts."""

    def __init__(self, key: str, default: JSON, ttl: Duration | None, limits: Limits, *, rereads: bool) -> None:
        self.read = _calls.entry(key)
        self._key = key
        self._default = dump(default)
        self._ttl = ttl
        self._give_up_at = monotonic() + limits.call
        self._conflicts = 0
        #: How often the service has refused a write, if the next attempt starts from a new read then; else None.
        self._refusals = 0 if rereads else None
        #: The state's version that an attempt had read whose write may have happened.
        self._uncertain_since: int | None = None

    def judge(self, found: Entry | None) -> None:
        """Raises `OutcomeUnknown` if an attempt before may have happened unnoticed.

        An attempt whose answer got lost and whose repetition found another version did not happen, as the service would
        have known the repetition; but only as long as it remembers it.
        """
        version = found.version if found else None
        if self._uncertain_since is None:
            return
        if version is None or version - self._uncertain_since > _REMEMBERED_WRITES:
            raise self.unknown()
        self._uncertain_since = None
        self.read.is_urgent = False

    def unknown(self) -> OutcomeUnknown:
        """What is raised if nobody can tell what became of an attempt."""
        return OutcomeUnknown(f"the change of {self._key!r} may have happened or not: its answer was lost")

    def unread(self, error: KVError) -> NoReturn:
        """Raises why the read failed; without it there is no telling what became of an uncertain attempt."""
        if self._uncertain_since is None:
            raise error
        raise self.unknown() from error

    def start(self, found: Entry | None) -> Any:
        """The value that an attempt starts from: its own, so that no attempt sees another's changes."""
        return json.loads(self._default) if found is None else found.value

    def write(self, found: Entry | None, before: bytes, value: JSON) -> Call[Written] | None:
        """The compare-and-set; none if there is nothing to write."""
        if found is not None and self._ttl is None and dump(value) == before:
            return None
        # A new key has no time to keep.
        keeps = self._ttl is None and found is not None
        call = _calls.set_to(self._key, value, ttl=self._ttl, keep_ttl=keeps)
        call = call.on(key_version=found.key_version if found else 0)
        call.refusals = self._refusals
        return call

    def pause(self, attempt: AttemptState) -> float:
        """How long to wait after an attempt that lost; raises why, if it was the last one."""
        lost = attempt.lost
        if lost is None:
            raise RuntimeError("take each attempt in a with block: with attempt as value")
        attempt.is_noticed = True
        pause = lost.pause
        if pause is not None:
            self._refusals = (self._refusals or 0) + 1
        else:
            self._conflicts += 1
            pause = pause_after_conflict(self._conflicts)
        if lost.was_uncertain:
            self._uncertain_since = attempt.version
            self.read.is_urgent = True
            # While others write, each moment makes it likelier that nobody can tell any more.
            pause = 0.0
        if monotonic() + pause >= self._give_up_at:
            if lost.was_uncertain:
                raise self.unknown() from lost
            raise lost
        return pause


class AttemptState:
    """One attempt: `value` is what was read, and at the end of the block what is written."""

    def __init__(self, transaction: Transaction, found: Entry | None) -> None:
        #: Why it was not written, if another attempt may be.
        self.lost: KVError | None = None
        transaction.judge(found)
        self._transaction = transaction
        self._found = found
        self.value: Any = transaction.start(found)
        self._before = dump(self.value)
        #: Whether it was written, or there was nothing to write.
        self.is_done = False
        #: Whether its refusal was noticed.
        self.is_noticed = False

    @property
    def version(self) -> int:
        """The state's version that was read; 0 where there was no such key."""
        return self._found.version if self._found else 0

    def write(self) -> Call[Written] | None:
        """The compare-and-set; none if there is nothing to write."""
        return self._transaction.write(self._found, self._before, self.value)

    def __del__(self) -> None:
        if self.lost is not None and not self.is_noticed:
            message = "a txn block was left by return or break, and its write lost a race: nothing was written"
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def refused(self, error: KVError) -> None:
        """Notes that the write was refused; raises why, if another attempt is of no use."""
        if error.pause is None and not isinstance(error, VersionMismatch):
            raise error
        self.lost = error


class Attempt(AttemptState):
    """An attempt of `KV.txn`."""

    def __init__(self, transaction: Transaction, found: Entry | None, run: Callable[[Call[Written]], Any]) -> None:
        super().__init__(transaction, found)
        self._run = run

    def __enter__(self) -> Any:
        return self.value

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        try:
            call = self.write()
            if call is not None:
                self._run(call)
            self.is_done = True
        except KVError as error:
            self.refused(error)
