"""Automation KV: encrypted, durable JSON state for automations.

    from automation_kv import KV

    kv = KV()
    kv.incr("runs")

`KV` is for scripts, `AsyncKV` (extra `httpx`) for asyncio, `KV.local(path)` (extra `local`) for development without a
service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._client import KV
from .errors import (
    AutomationGone,
    BadRequest,
    BatchFailed,
    Busy,
    CheckFailed,
    Conflict,
    Forbidden,
    Held,
    KeyAbsent,
    KeyExists,
    KeyNotFound,
    KVError,
    LeaseLost,
    NotConfigured,
    NotFound,
    NotHeld,
    OutcomeUnknown,
    PathNotFound,
    ServiceError,
    StorageFull,
    TokenExpired,
    TooLarge,
    TypeMismatch,
    Unauthorized,
    Unavailable,
    VersionMismatch,
)
from .types import JSON, Duration, Entry, Moment, Page, Usage, Written

if TYPE_CHECKING:
    from ._async import AsyncKV

__all__ = [
    "JSON",
    "KV",
    "AsyncKV",
    "AutomationGone",
    "BadRequest",
    "BatchFailed",
    "Busy",
    "CheckFailed",
    "Conflict",
    "Duration",
    "Entry",
    "Forbidden",
    "Held",
    "KVError",
    "KeyAbsent",
    "KeyExists",
    "KeyNotFound",
    "LeaseLost",
    "Moment",
    "NotConfigured",
    "NotFound",
    "NotHeld",
    "OutcomeUnknown",
    "Page",
    "PathNotFound",
    "ServiceError",
    "StorageFull",
    "TokenExpired",
    "TooLarge",
    "TypeMismatch",
    "Unauthorized",
    "Unavailable",
    "Usage",
    "VersionMismatch",
    "Written",
]


def __getattr__(name: str) -> Any:
    # asyncio takes longer to import than all the rest.
    if name == "AsyncKV":
        from ._async import AsyncKV

        return AsyncKV
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
