"""What can go wrong, one class for each kind of handling.

Every error of the service becomes one of these, with the service's own text (docs/api.md lists all codes). What the
client itself finds out, such as a missing token or a lost lease, is in here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "AutomationGone",
    "BadRequest",
    "BatchFailed",
    "Busy",
    "CheckFailed",
    "Conflict",
    "Forbidden",
    "Held",
    "KVError",
    "KeyAbsent",
    "KeyExists",
    "KeyNotFound",
    "LeaseLost",
    "NotConfigured",
    "NotFound",
    "NotHeld",
    "OutcomeUnknown",
    "PathNotFound",
    "ServiceError",
    "StorageFull",
    "TokenExpired",
    "TooLarge",
    "TypeMismatch",
    "Unauthorized",
    "Unavailable",
    "VersionMismatch",
]


class KVError(Exception):
    """Anything that the store or its client refuses or fails to do.

    `status` is the HTTP status, 0 where no answer came. `code` is the service's stable `error` code. `body` is the
    whole error object. `request_id` is what an operator finds in the log. `retry_after` is in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        body: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.body: Mapping[str, Any] = {} if body is None else body
        self.request_id = request_id
        self.retry_after = retry_after
        #: Whether the answer to an earlier attempt at the same call was lost.
        self.was_uncertain = False
        #: How long to wait before another attempt, in seconds, where that is left to whoever called.
        self.pause: float | None = None

    def __str__(self) -> str:
        return self.message


class NotConfigured(KVError):
    """There is no token or no address here, or the service has no secret."""


class Unauthorized(KVError):
    """The token does not hold (401), or none was sent."""


class TokenExpired(Unauthorized):
    """The token's time is over: only a new run gets a new one."""


class Forbidden(KVError):
    """The token holds and may not do this (403)."""


class NotFound(KVError):
    """What was asked for is not there (404)."""


class KeyNotFound(NotFound, KeyError):
    """There is no such key; a `KeyError` too, as of any mapping."""


class PathNotFound(NotFound):
    """The path leads nowhere in the value."""


class AutomationGone(KVError):
    """The automation was deleted (410) or is unknown (404): no call with this token will succeed."""


class BadRequest(KVError):
    """The call is wrong as it stands (400, 422): the message names what is."""


class TypeMismatch(BadRequest):
    """The value is of another type than the operation works on."""


class BatchFailed(KVError):
    """One operation of a batch was refused, so none of it happened."""

    @property
    def reason(self) -> str:
        """The code that the operation would have got alone."""
        return str(self.body.get("reason", ""))

    @property
    def operation_index(self) -> int:
        """Which operation it was, from 0."""
        return int(self.body.get("operation_index", 0))


class Conflict(KVError):
    """A condition did not hold (409, 412): somebody else was there first. Nothing was written."""


class CheckFailed(BatchFailed, Conflict):
    """A `check` of a batch did not hold."""


class VersionMismatch(Conflict):
    """The state, or the key, was written since the version that the call named."""

    @property
    def actual(self) -> int:
        """The version that it has."""
        return int(self.body.get("actual_version", self.body.get("actual_key_version", 0)))


class KeyExists(Conflict):
    """`nx`, and the key exists."""


class KeyAbsent(Conflict):
    """`xx`, and the key does not exist."""


class Held(Conflict):
    """The lease is another owner's."""

    @property
    def owner(self) -> str:
        """Who has it."""
        return str(self.body.get("owner", ""))

    @property
    def fence(self) -> int:
        """That owner's fencing number."""
        return int(self.body.get("fence", 0))


class NotHeld(Conflict):
    """The lease is over, or another owner's."""


class LeaseLost(NotHeld):
    """The lease ended while its `with` block ran: somebody else may have started beside it."""


class TooLarge(KVError):
    """The state, or a value, would exceed its limit (413)."""

    @property
    def size_bytes(self) -> int:
        """How large it would have become."""
        return int(self.body.get("size_bytes", 0))

    @property
    def limit_bytes(self) -> int:
        """How large it may be."""
        return int(self.body.get("limit_bytes", 0))

    @property
    def free_bytes(self) -> int | None:
        """How much room the state has left; none where a single value or the request was too large."""
        free = self.body.get("free_bytes")
        return None if free is None else int(free)


class Unavailable(KVError):
    """The service could not be reached, or did not do it in time, also when asked again. Nothing was written."""


class Busy(Unavailable):
    """Too many others wrote to this automation, or called, at the same time. Nothing was written."""


class StorageFull(Unavailable):
    """The service's disk is full (507): tell its operator, try again after minutes. Nothing was written."""


class OutcomeUnknown(Unavailable):
    """The answer to a write got lost, and so did those to its repetitions: it may have happened or not."""


class ServiceError(KVError):
    """A defect of the service (5xx): tell its operator the `request_id`. Nothing was written."""


_BY_CODE: Mapping[str, type[KVError]] = {
    "not_configured": NotConfigured,
    "missing_authorization": Unauthorized,
    "token_expired": TokenExpired,
    "key_not_found": KeyNotFound,
    "automation_not_found": AutomationGone,
    "automation_deleted": AutomationGone,
    "type_mismatch": TypeMismatch,
    "operation_failed": BatchFailed,
    "version_mismatch": VersionMismatch,
    "key_version_mismatch": VersionMismatch,
    "key_exists": KeyExists,
    "key_not_exists": KeyAbsent,
    "held": Held,
    "not_held": NotHeld,
    "kv_store_busy": Busy,
    "overloaded": Busy,
    "outcome_unknown": OutcomeUnknown,
}

_BY_STATUS: Mapping[int, type[KVError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: AutomationGone,
    412: Conflict,
    413: TooLarge,
    429: Busy,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: StorageFull,
}


def of_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> KVError:
    """The error that an answer stands for; the names of `headers` are in lower case."""
    code = str(body.get("error", ""))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (ServiceError if status >= 500 else BadRequest)
    if code == "invalid_path" and status == 404:
        kind = PathNotFound
    if kind is BatchFailed and body.get("reason") == "check_failed":
        kind = CheckFailed
    message = str(body.get("message") or body.get("detail") or f"the service answered {status}")
    if body.get("free_bytes") is not None:
        message += f"; {body['free_bytes']} bytes are free"
    return kind(
        f"{code}: {message}" if code else message,
        status=status,
        code=code,
        body=body,
        request_id=headers.get("x-request-id"),
        retry_after=_seconds(headers.get("retry-after")),
    )


def _seconds(text: str | None) -> float | None:
    # The other form, a date, is of no use without a clock that agrees.
    return float(text) if text is not None and text.isdigit() else None
