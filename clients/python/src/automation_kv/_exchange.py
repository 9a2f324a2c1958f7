"""What becomes of one call: answered, refused, or sent again after a pause. No input or output here.

A write carries one idempotency key for all its attempts, so one whose answer got lost can be sent again and still
happens once. The service remembers the latest 128 accepted writes of an automation: while an outcome is unknown the
pauses are short, so that it is asked for again before others have pushed it out.
"""

from __future__ import annotations

import os
from time import monotonic
from typing import Generic, TypeVar

from ._calls import Call
from ._http import Answer, Request, request_of
from ._settings import Limits
from .errors import KVError, NotConfigured, OutcomeUnknown, Unavailable, of_answer

T = TypeVar("T")

#: Refusals after which the same request may succeed. Nothing was written.
_PASSING_CODES = frozenset(["kv_store_busy", "overloaded", "storage_unavailable"])
_PASSING_STATUSES = frozenset([429, 503])

#: Answers that do not tell whether a write happened: the service's own word, and a gateway's for no word at all.
_UNKNOWN_CODES = frozenset(["outcome_unknown"])
_UNKNOWN_STATUSES = frozenset([502, 504])

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_FIRST_URGENT_PAUSE_SECONDS = 0.001
#: Sixteen busy clients push a write out of what the service remembers within a tenth of a second.
_LONGEST_URGENT_PAUSE_SECONDS = 0.02
#: How many pauses may be that short; a service that is down should not be hammered.
_URGENT_PAUSES = 6


class Exchange(Generic[T]):
    """A call on its way: send `request`, then report what happened, and hear how long to pause before the next try."""

    def __init__(self, call: Call[T], token: str, limits: Limits) -> None:
        self._call = call
        self._limits = limits
        self._give_up_at = monotonic() + limits.call
        self._pauses = call.refusals or 0
        #: Attempts whose answer got lost, and pauses since the first of them.
        self._losses = 0
        self._urgent_pauses = 0
        self._result: list[T] = []
        self.request: Request = request_of(call, token, os.urandom(16).hex())

    @property
    def result(self) -> T:
        """What the call gave, after `answered` said that there is nothing left to do."""
        return self._result[0]

    @property
    def attempt_seconds(self) -> float:
        """How long the next attempt may take."""
        return max(0.001, min(self._limits.attempt, self._give_up_at - monotonic()))

    def answered(self, answer: Answer) -> float | None:
        """There is an answer; raises the error that it stands for, if it is final."""
        members = answer.members()
        if 200 <= answer.status < 300 and members:
            self._result.append(self._call.parse(members))
            return None
        if answer.status < 400:
            raise NotConfigured(
                f"an answer that is not the store's (status {answer.status}, no JSON): "
                "is the address that of the service?",
                status=answer.status,
            )
        error = of_answer(answer.status, members, answer.headers)
        if error.code in _UNKNOWN_CODES or (not error.code and error.status in _UNKNOWN_STATUSES):
            return self._lost(error)
        if error.code in _PASSING_CODES or (not error.code and error.status in _PASSING_STATUSES):
            return self._pause(error)
        error.was_uncertain = self._losses > 0
        self._result.append(self._call.refused(error))
        return None

    def failed(self, cause: Exception, *, was_sent: bool) -> float:
        """There is no answer: the service was not reached, or (`was_sent`) it may have got the request."""
        what = str(cause) or type(cause).__name__
        error = Unavailable(f"no answer from the service: {what}")
        error.__cause__ = cause
        return self._lost(error) if was_sent else self._pause(error)

    def _lost(self, error: KVError) -> float:
        self._losses += 1
        return self._pause(error)

    def _pause(self, error: KVError) -> float:
        # random is slow to import, and most calls never pause.
        from random import uniform

        self._pauses += 1
        if (self._losses or self._call.is_urgent) and self._urgent_pauses < _URGENT_PAUSES:
            # The first loss is most often a kept connection that the other side had closed: no pause at all.
            step = min(_LONGEST_URGENT_PAUSE_SECONDS, _FIRST_URGENT_PAUSE_SECONDS * 2**self._urgent_pauses)
            step = 0.0 if self._urgent_pauses == 0 else step
            self._urgent_pauses += 1
            pause = uniform(step / 2, step)
        else:
            step = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._pauses)
            pause = (error.retry_after or 0.0) + uniform(step / 4, step)
        if monotonic() + pause >= self._give_up_at:
            raise self._given_up(error)
        # A proxy's refusal may hide that the service has done it.
        is_known = not self._losses and error.code in _PASSING_CODES
        if self._call.refusals is not None and is_known:
            error.pause = pause
            raise error
        return pause

    def _given_up(self, error: KVError) -> KVError:
        if not (self._losses and self._call.writes):
            return error
        unknown = OutcomeUnknown(
            f"the write may have happened or not, its answer was lost ({error}): read before writing it again",
            status=error.status,
            code=error.code,
            body=error.body,
            request_id=error.request_id,
        )
        unknown.__cause__ = error
        return unknown


def pause_after_conflict(conflicts: int) -> float:
    """How long to wait before a compare-and-set that lost is tried again, in seconds."""
    from random import uniform

    return uniform(0, min(0.5, 0.01 * 2**conflicts))
