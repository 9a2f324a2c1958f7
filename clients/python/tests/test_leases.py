"""`claim`: one owner at a time, who notices when the lease is lost."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from automation_kv import KV, Held, LeaseLost

from .service import Service, knob, token

RACERS = 16
ROUNDS = knob("ROUNDS", 500)


def test_a_lease_is_held_for_the_block_and_given_back(kv: KV) -> None:
    with kv.claim("leader", ttl=30) as lease:
        assert not lease.lost and kv["leader"]["fence"] == lease.fence
        with pytest.raises(Held) as held:
            kv.claim("leader", ttl=30).acquire()
        assert (held.value.owner, held.value.fence) == (lease.owner, lease.fence)
    assert "leader" not in kv
    with kv.claim("leader", ttl=30) as later:
        assert later.fence > lease.fence and later.owner != lease.owner


def test_a_lease_is_renewed_as_long_as_the_block_runs(kv: KV) -> None:
    with kv.claim("leader", ttl=0.6) as lease:
        time.sleep(1.5)
        lease.check()
        with pytest.raises(Held):
            kv.claim("leader", ttl=1).acquire()


def test_a_lease_is_given_back_when_the_block_fails(kv: KV) -> None:
    with pytest.raises(ZeroDivisionError), kv.claim("leader", ttl=30):
        _ = 1 / 0
    assert "leader" not in kv


def test_a_lost_lease_is_noticed_and_told_at_the_end(kv: KV) -> None:
    with pytest.raises(LeaseLost, match="'leader'"), kv.claim("leader", ttl=0.3) as lease:
        del kv["leader"]
        time.sleep(0.5)
        assert lease.lost
        with pytest.raises(LeaseLost):
            lease.check()


def test_the_end_of_a_lost_lease_leaves_the_next_owner_alone(kv: KV) -> None:
    with pytest.raises(LeaseLost), kv.claim("leader", ttl=30):
        del kv["leader"]
        kv.claim("leader", ttl=30, owner="next").acquire()
    assert kv["leader"]["owner"] == "next"


def test_what_the_block_raised_is_worth_more_than_the_lost_lease(kv: KV) -> None:
    with pytest.raises(ZeroDivisionError), kv.claim("leader", ttl=30):
        del kv["leader"]
        _ = 1 / 0


def test_a_claim_waits_for_the_one_before(kv: KV) -> None:
    def hold() -> None:
        with kv.claim("leader", ttl=30):
            time.sleep(0.7)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        while "leader" not in kv:
            time.sleep(0.01)
        begun = time.monotonic()
        with kv.claim("leader", ttl=30, wait=20):
            assert time.monotonic() - begun > 0.3
        holding.result()


def race(url: str, tokens: list[str], start: Any, wins: Any) -> None:
    for round_number, automation in enumerate(tokens):
        kv = KV(url=url, token=automation)
        start.wait()
        try:
            kv.claim("leader", ttl=60).acquire()
            with wins[round_number].get_lock():
                wins[round_number].value += 1
        except Held:
            pass
        kv.close()


def test_of_sixteen_racers_on_a_fresh_automation_one_wins_each_round(service: Service) -> None:
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(RACERS)
    wins = [fork.Value("i", 0) for _ in range(ROUNDS)]
    tokens = [token() for _ in range(ROUNDS)]
    racers = [fork.Process(target=race, args=(service.url, tokens, start, wins)) for _ in range(RACERS)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * RACERS
    assert [win.value for win in wins] == [1] * ROUNDS
