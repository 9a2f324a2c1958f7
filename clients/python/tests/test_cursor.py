"""`cursor`: how far the work has got."""

from __future__ import annotations

import pytest

from automation_kv import KV, VersionMismatch


def test_a_cursor_starts_at_its_default_and_stays_where_it_was_put(kv: KV) -> None:
    cursor = kv.cursor("feed", default=0)
    assert cursor.value == 0
    for value in (3, 8):
        cursor.advance(value)
    assert cursor.value == 8 and kv.cursor("feed").value == 8 and kv["feed"] == 8


def test_of_two_runs_the_slower_one_moves_nothing(kv: KV) -> None:
    first, second = kv.cursor("feed", 0), kv.cursor("feed", 0)
    kv.incr("other")
    first.advance(5)
    with pytest.raises(VersionMismatch):
        second.advance(3)
    assert kv["feed"] == 5
