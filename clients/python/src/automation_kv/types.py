"""What goes in and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, Union

__all__ = ["JSON", "Duration", "Entry", "Moment", "Page", "Usage", "Written"]

#: What a value may be made of.
JSON = Union[None, bool, int, float, str, Sequence["JSON"], Mapping[str, "JSON"]]

#: How long something lasts: seconds, or a `timedelta`.
Duration = Union[int, float, timedelta]

#: A point in time: seconds since 1970, or a `datetime` with a time zone.
Moment = Union[int, float, datetime]


class Entry(NamedTuple):
    """A key, its value, and what is known of it."""

    key: str
    #: None in a page that was asked for without values.
    value: Any
    #: The version of the state that was read: fit for `if_version`.
    version: int
    #: The version that the key's last write made: fit for `if_key_version`.
    key_version: int
    created_at: datetime
    updated_at: datetime
    #: None for a key that lives for ever.
    expires_at: datetime | None
    #: What key and value take of the state's size.
    size_bytes: int


class Page(NamedTuple):
    """Some of the keys, oldest first."""

    entries: list[Entry]
    #: For the next page; none on the last one.
    next_cursor: str | None
    version: int


class Usage(NamedTuple):
    """How full the state is, in bytes of compact JSON."""

    keys: int
    size_bytes: int
    #: None where there is no limit, as for `free_bytes`.
    limit_bytes: int | None
    free_bytes: int | None
    version: int


class Written(NamedTuple):
    """What a `set` did."""

    #: Whether the key is new.
    created: bool
    #: The version that the write made, of the state and of the key; 0 in a batch, which has one for all.
    version: int
    expires_at: datetime | None


def milliseconds(duration: Duration) -> int:
    """A duration as the service wants it, rounded up, so that nothing ends at once."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    return -int(-seconds * 1000 // 1)


def epoch_seconds(moment: Moment) -> int:
    """A moment as the service wants it, rounded up."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no time zone: use datetime.now(timezone.utc) and the like")
        moment = moment.timestamp()
    return -int(-moment // 1)


def time_of(text: str | None) -> datetime | None:
    """A time as the service tells it."""
    return None if text is None else datetime.fromisoformat(text).astimezone(timezone.utc)
