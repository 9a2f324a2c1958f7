"""Leases: one owner at a time, as long as it lives and is heard of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from . import _calls
from ._calls import Call
from .errors import Held, KVError, LeaseLost, NotHeld
from .types import Duration, milliseconds

if TYPE_CHECKING:
    from threading import Event, Thread

    from ._client import KV

#: How many renewals fit into one life of a lease, so that some may fail.
_RENEWALS_PER_LIFE = 3

#: How often to ask for a lease that another has: it may be given back before its time is over.
_LONGEST_POLL_SECONDS = 1.0


class LeaseState:
    """What is known of a lease, and what is to be asked. No input or output here."""

    def __init__(self, name: str, ttl: Duration, wait: Duration, owner: str | None) -> None:
        self.name = name
        self.owner = owner or new_owner()
        #: The fencing number, higher for each later owner; 0 before the lease was claimed.
        self.fence = 0
        self._ttl_seconds = milliseconds(ttl) / 1000
        self._wait_seconds = milliseconds(wait) / 1000
        self._ends_at = 0.0
        self._is_over = False

    @property
    def lost(self) -> bool:
        """Whether it is over, as far as this process knows: then somebody else may have started."""
        return self._is_over or monotonic() >= self._ends_at

    @property
    def pause(self) -> float:
        """The seconds between renewals."""
        return self._ttl_seconds / _RENEWALS_PER_LIFE

    def claim_call(self) -> Call[Mapping[str, Any]]:
        """Asks for it."""
        return _calls.claim(self.name, self.owner, self._ttl_seconds)

    def renew_call(self) -> Call[Mapping[str, Any]]:
        """Asks for another time."""
        return _calls.renew(self.name, self.owner, self._ttl_seconds, self.fence)

    def release_call(self) -> Call[bool]:
        """Gives it back."""
        return _calls.release(self.name, self.owner, self.fence)

    def granted(self, asked_at: float, lease: Mapping[str, Any]) -> None:
        """It was granted. Its time is counted from when it was asked for, so it never seems longer than it is."""
        self.fence, self._ends_at, self._is_over = lease["fence"], asked_at + self._ttl_seconds, False

    def taken(self) -> None:
        """It is somebody else's, or nobody's."""
        self._is_over = True

    def poll_pause(self, held: Held, give_up_at: float) -> float:
        """How long to wait before asking again; raises `held` if there is no time left."""
        from random import uniform

        left = give_up_at - monotonic()
        if left <= 0:
            raise held
        return min(left, held.retry_after or _LONGEST_POLL_SECONDS, uniform(0.5, 1) * _LONGEST_POLL_SECONDS)

    def error(self) -> LeaseLost:
        """Tells that it is lost."""
        return LeaseLost(
            f"the lease {self.name!r} ended while its work was under way: somebody else may have done the same",
            code="lease_lost",
        )

    def check(self) -> None:
        """Raises `LeaseLost` if it is lost: to be asked before a step that must not be done twice."""
        if self.lost:
            raise self.error()


class Lease(LeaseState):
    """A lease of `KV.claim`, for a `with` block. `acquire`, `renew` and `release` do the same by hand."""

    def __init__(self, kv: KV, name: str, ttl: Duration, wait: Duration, owner: str | None) -> None:
        super().__init__(name, ttl, wait, owner)
        self._kv = kv
        self._renewing: tuple[Thread, Event] | None = None

    def acquire(self) -> Lease:
        """Asks for it, and again as long as it may wait; `Held` if another has it still."""
        give_up_at = monotonic() + self._wait_seconds
        while True:
            asked_at = monotonic()
            try:
                self.granted(asked_at, self._kv._run(self.claim_call()))
                return self
            except Held as held:
                sleep(self.poll_pause(held, give_up_at))

    def renew(self) -> None:
        """Gives it another time; `NotHeld` if it is over."""
        asked_at = monotonic()
        try:
            self.granted(asked_at, self._kv._run(self.renew_call()))
        except NotHeld:
            self.taken()
            raise

    def release(self) -> bool:
        """Gives it back; false if it was over already."""
        released = self._kv._run(self.release_call())
        self.taken()
        return released

    def __enter__(self) -> Lease:
        from threading import Event, Thread

        self.acquire()
        stop = Event()
        thread = Thread(target=self._keep, args=(stop,), name=f"lease {self.name}", daemon=True)
        thread.start()
        self._renewing = thread, stop
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._renewing is not None:
            thread, stop = self._renewing
            self._renewing = None
            stop.set()
            thread.join()
        was_lost = self.lost
        # If this fails it ends by itself. What the block raised is worth more, and what it did is done.
        with suppress(KVError):
            was_lost = not self.release() or was_lost
        if was_lost and kind is None:
            raise self.error()

    def _keep(self, stop: Event) -> None:
        while not self.lost and not stop.wait(self.pause):
            try:
                self.renew()
            except NotHeld:
                return
            except KVError:
                # Asked again in time, or `lost` tells.
                continue


def new_owner() -> str:
    """A name that no other owner has: two claims of one run are two owners."""
    run = os.environ.get("AUTOMATION_RUN_ID", "")[:200]
    return f"{run or 'run'}/{os.urandom(8).hex()}"
