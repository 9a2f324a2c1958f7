"""`txn`: nothing lost, however many change the same key at once."""

from __future__ import annotations

import gc
import multiprocessing
import uuid
from typing import Any

import pytest

from automation_kv import KV, VersionMismatch

from .service import Service, knob, token

PROCESSES = 16
INCREMENTS = knob("INCREMENTS", 100)


def test_txn_gives_the_new_value_and_starts_from_the_default(kv: KV) -> None:
    assert kv.txn("n", lambda n: n + 1, default=1) == 2
    assert kv.txn("n", lambda n: n * 10) == 20
    assert kv["n"] == 20


def test_the_loop_writes_what_its_block_left(kv: KV) -> None:
    for attempt in kv.txn("doc", default={"runs": 0}):
        with attempt as doc:
            doc["runs"] += 1
    for attempt in kv.txn("n", default=5):
        with attempt as n:
            attempt.value = n + 1
    assert kv.items() == {"doc": {"runs": 1}, "n": 6}


def test_a_change_that_lost_runs_again_on_what_is_there_now(kv: KV) -> None:
    kv["n"] = 0
    starts = []

    def change(n: int) -> int:
        starts.append(n)
        if len(starts) < 3:
            kv.incr("n", 100)
        return n + 1

    assert kv.txn("n", change) == 201
    assert starts == [0, 100, 200] and kv["n"] == 201


def test_writes_to_other_keys_disturb_nobody(kv: KV) -> None:
    calls = []

    def change(n: int) -> int:
        calls.append(n)
        kv.incr("other")
        return n + 1

    kv.txn("n", change, default=0)
    assert calls == [0]


def test_an_attempt_does_not_see_another_ones_changes_to_the_default(kv: KV) -> None:
    default: dict[str, Any] = {}
    for count, attempt in enumerate(kv.txn("doc", default=default)):
        with attempt as doc:
            assert doc == ({} if count == 0 else {"theirs": 1})
            doc["ours"] = 1
            if count == 0:
                kv["doc"] = {"theirs": 1}
    assert kv["doc"] == {"theirs": 1, "ours": 1} and default == {}


def test_txn_leaves_the_time_to_live_alone_unless_told(kv: KV) -> None:
    ends = kv.set("n", 1, ttl=60).expires_at
    kv.txn("n", lambda n: n + 1)
    entry = kv.entry("n")
    assert entry is not None and entry.expires_at == ends
    kv.txn("n", lambda n: n, ttl=3600)
    entry = kv.entry("n")
    assert entry is not None and entry.expires_at is not None and ends is not None and entry.expires_at > ends


def test_a_change_that_changes_nothing_is_no_write(kv: KV) -> None:
    kv["doc"] = {"a": [1]}
    kv.txn("doc", lambda doc: doc)
    assert kv.usage().version == 1


def test_an_error_in_the_block_writes_nothing_and_passes(kv: KV) -> None:
    kv["n"] = 1
    with pytest.raises(ZeroDivisionError):
        for attempt in kv.txn("n"):
            with attempt as n:
                attempt.value = n / 0
    assert kv["n"] == 1


def test_a_block_left_by_return_tells_that_its_write_was_lost(kv: KV) -> None:
    def leave() -> None:
        for attempt in kv.txn("n", default=0):
            with attempt:
                kv["n"] = 5
                attempt.value = 1
                return

    with pytest.warns(RuntimeWarning, match="lost a race"):
        leave()
        gc.collect()
    assert kv["n"] == 5


def test_txn_gives_up_when_its_time_is_over(service: Service) -> None:
    with service.kv(timeout=0.3) as kv:
        kv["n"] = 0

        def change(n: int) -> int:
            kv.incr("n")
            return n

        with pytest.raises(VersionMismatch):
            kv.txn("n", lambda n: change(n) - 1)


def increments(url: str, token: str, count: int) -> None:
    kv = KV(url=url, token=token, timeout=120)
    for _ in range(count):
        kv.txn("n", lambda n: n + 1, default=0)


def test_sixteen_processes_count_exactly(service: Service) -> None:
    automation = str(uuid.uuid4())
    run_together(increments, (service.url, token(automation), INCREMENTS))
    assert service.kv(automation)["n"] == PROCESSES * INCREMENTS


def test_processes_share_a_local_file_and_count_exactly(tmp_path: Any) -> None:
    run_together(local_increments, (tmp_path / "state.kv", 25), processes=4)
    assert KV.local(tmp_path / "state.kv")["n"] == 100


def local_increments(path: str, count: int) -> None:
    kv = KV.local(path)
    for _ in range(count):
        kv.txn("n", lambda n: n + 1, default=0)


def run_together(target: Any, arguments: tuple[Any, ...], processes: int = PROCESSES) -> None:
    """Runs a function in many processes and expects all of them to end well."""
    spawn = multiprocessing.get_context("spawn")
    running = [spawn.Process(target=target, args=arguments) for _ in range(processes)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * processes
