"""Refused requests and lost answers: every write happens once."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator

import pytest

from automation_kv import KV, Busy, OutcomeUnknown, Unavailable

from .proxy import Proxy
from .service import Service, knob, token
from .test_transactions import PROCESSES, increments, run_together

#: With a second of Retry-After for one request of five, an increment takes half a second.
INCREMENTS = knob("FAULTY_INCREMENTS", 15)


@pytest.fixture
def unreliable(service: Service) -> Iterator[Proxy]:
    proxy = Proxy(service.url, busy=0.2, lost=0.05)
    yield proxy
    proxy.stop()


def test_transactions_of_sixteen_processes_stay_exact(service: Service, unreliable: Proxy) -> None:
    automation = str(uuid.uuid4())
    run_together(increments, (unreliable.url, token(automation), INCREMENTS))
    assert service.kv(automation)["n"] == PROCESSES * INCREMENTS
    assert unreliable.refused > 0 and unreliable.swallowed > 0


def test_a_change_that_was_refused_reads_again_before_it_is_written(service: Service) -> None:
    automation = str(uuid.uuid4())
    others = service.kv(automation)
    others["n"] = 0
    proxy = Proxy(service.url, retry_after=0)
    writes = 0

    def seen(head: str, body: bytes) -> None:
        nonlocal writes
        writes += head.startswith("PUT")
        proxy.busy, proxy.lost = 0, 0
        if head.startswith("PUT") and writes == 1:
            # More than the service remembers: by the first read nobody could tell what became of the second write.
            for _ in range(150):
                others.incr("others")
            proxy.busy = 1
        elif head.startswith("PUT") and writes == 2:
            others.incr("n")
            proxy.lost = 1

    proxy.seen = seen
    assert KV(url=proxy.url, token=token(automation)).txn("n", lambda n: n + 1) == 2
    proxy.stop()


def counts(url: str, token: str, count: int) -> None:
    kv = KV(url=url, token=token, timeout=120)
    for _ in range(count):
        kv.incr("n")
        kv.rpush("l", None)
        with kv.batch() as batch:
            batch.incr("m")


def test_counters_lists_and_batches_stay_exact(service: Service) -> None:
    proxy = Proxy(service.url, busy=0.2, lost=0.05, retry_after=0, seed=2)
    automation = str(uuid.uuid4())
    run_together(counts, (proxy.url, token(automation), INCREMENTS))
    proxy.stop()
    kv = service.kv(automation)
    total = PROCESSES * INCREMENTS
    assert (kv["n"], kv.length("l"), kv["m"]) == (total, total, total)
    assert proxy.swallowed > 0


def test_once_and_claim_are_true_for_whoever_was_first_though_the_answer_got_lost(service: Service) -> None:
    proxy = Proxy(service.url, lost=0.5, seed=3)
    kv = KV(url=proxy.url, token=token())
    assert all(kv.once(f"id {number}") for number in range(20))
    for _ in range(5):
        with kv.claim("leader", ttl=30) as lease:
            assert kv["leader"]["fence"] == lease.fence
    proxy.stop()


def test_all_attempts_at_a_write_have_one_idempotency_key(service: Service) -> None:
    proxy = Proxy(service.url, lost=0.6, seed=4)
    keys: list[str] = []
    proxy.seen = lambda head, body: keys.extend(
        line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Idempotency-Key")
    )
    kv = KV(url=proxy.url, token=token())
    kv.incr("n")
    first, tries = keys[0], len(keys)
    kv.incr("n")
    proxy.stop()
    assert tries > 1 and set(keys[:tries]) == {first} and first not in keys[tries:]


def test_a_refused_call_waits_as_long_as_the_service_says(service: Service) -> None:
    proxy = Proxy(service.url, busy=1, retry_after=1)
    kv = KV(url=proxy.url, token=token(), timeout=2)
    begun = time.monotonic()
    with pytest.raises(Busy, match="kv_store_busy"):
        kv.incr("n")
    assert time.monotonic() - begun > 0.9 and proxy.refused == 2
    proxy.stop()


def test_a_write_whose_answers_all_get_lost_is_told_as_unknown(service: Service) -> None:
    proxy = Proxy(service.url, lost=1)
    automation = str(uuid.uuid4())
    with pytest.raises(OutcomeUnknown, match="may have happened or not"):
        KV(url=proxy.url, token=token(automation), timeout=0.5).incr("n")
    assert service.kv(automation)["n"] == 1 and proxy.swallowed > 2
    with pytest.raises(Unavailable) as unread:
        KV(url=proxy.url, token=token(automation), timeout=0.5).get("n")
    assert not isinstance(unread.value, OutcomeUnknown)
    proxy.stop()


def test_a_service_that_is_not_there_is_told_in_time() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        kv = KV(url="http://{}:{}".format(*taken.getsockname()), token="x", timeout=0.5)
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="no answer from the service") as refused:
            kv.incr("n")
        assert not isinstance(refused.value, OutcomeUnknown)
        assert time.monotonic() - begun < 5


def test_a_service_that_never_answers_is_given_up_on() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        kv = KV(url="http://{}:{}".format(*silent.getsockname()), token="x", timeout=0.6, attempt_timeout=0.2)
        begun = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            kv.incr("n")
        assert 0.3 < time.monotonic() - begun < 5
