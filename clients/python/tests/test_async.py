"""`AsyncKV`: what `KV` does, awaited."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Callable

import pytest

from automation_kv import (
    KV,
    AsyncKV,
    BatchFailed,
    Held,
    KeyNotFound,
    LeaseLost,
    OutcomeUnknown,
    Unavailable,
    VersionMismatch,
)

from .proxy import Proxy
from .service import Service, token

Scenario = Callable[[AsyncKV], Awaitable[None]]


@pytest.fixture(params=["service", "local"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario with a client of a new automation."""

    @asynccontextmanager
    async def client() -> AsyncIterator[AsyncKV]:
        if request.param == "local":
            async with AsyncKV.local(tmp_path / "state.kv") as kv:
                yield kv
        else:
            service: Service = request.getfixturevalue("service")
            async with AsyncKV(url=service.url, token=token()) as kv:
                yield kv

    async def within(scenario: Scenario) -> None:
        async with client() as kv:
            await scenario(kv)

    return lambda scenario: asyncio.run(within(scenario))


def test_calls_are_awaited(run: Callable[[Scenario], None]) -> None:
    async def scenario(kv: AsyncKV) -> None:
        await kv.set("..", {"a": 1})
        assert await kv.get("..", path="a") == 1
        assert await asyncio.gather(*(kv.incr("n") for _ in range(20))) != []
        assert await kv.item("n") == 20 and await kv.once("id") and not await kv.once("id")
        with pytest.raises(KeyNotFound):
            await kv.item("missing")
        with pytest.raises(VersionMismatch):
            await kv.if_version(3).delete("n")
        entry = await kv.entry("n")
        assert entry is not None
        await kv.if_key_version(entry.key_version).set("n", 0)

    run(scenario)


def test_a_batch_is_sent_at_the_end_of_its_block(run: Callable[[Scenario], None]) -> None:
    async def scenario(kv: AsyncKV) -> None:
        async with kv.batch() as batch:
            n = batch.incr("n", 4)
            batch.set("text", "x")
        assert n.value == 4
        with pytest.raises(BatchFailed):
            async with kv.batch() as batch:
                batch.incr("text")

    run(scenario)


def test_transactions_run_again(run: Callable[[Scenario], None]) -> None:
    async def scenario(kv: AsyncKV) -> None:
        await asyncio.gather(*(kv.txn("n", lambda n: n + 1, default=0) for _ in range(10)))
        count = 0
        async for attempt in kv.attempts("n"):
            async with attempt as n:
                count += 1
                if count == 1:
                    await kv.incr("n", 100)
                attempt.value = n + 1
        assert await kv.get("n") == 111 and count == 2

    run(scenario)


def test_a_lease_is_renewed_and_its_loss_noticed(run: Callable[[Scenario], None]) -> None:
    async def scenario(kv: AsyncKV) -> None:
        async with kv.claim("leader", ttl=0.6) as lease:
            await asyncio.sleep(1)
            assert not lease.lost
            with pytest.raises(Held):
                await kv.claim("leader", ttl=1).acquire()
        assert not await kv.exists("leader")
        with pytest.raises(LeaseLost):
            async with kv.claim("leader", ttl=30):
                await kv.delete("leader")

    run(scenario)


def test_a_cursor_is_moved_by_one_at_a_time(run: Callable[[Scenario], None]) -> None:
    async def scenario(kv: AsyncKV) -> None:
        first, second = await kv.cursor("feed", 0), await kv.cursor("feed", 0)
        await first.advance(5)
        with pytest.raises(VersionMismatch):
            await second.advance(3)
        assert (await kv.cursor("feed")).value == 5

    run(scenario)


def test_lost_answers_count_once(service: Service) -> None:
    proxy = Proxy(service.url, busy=0.2, lost=0.3, retry_after=0)

    async def scenario() -> None:
        async with AsyncKV(url=proxy.url, token=token()) as kv:
            for number in range(20):
                assert await kv.incr("n") == number + 1

    asyncio.run(scenario())
    assert proxy.swallowed > 0
    proxy.stop()


def test_a_service_that_does_not_answer_is_given_up_on(service: Service) -> None:
    proxy = Proxy(service.url, lost=1)

    async def scenario() -> None:
        async with AsyncKV(url=proxy.url, token=token(), timeout=0.4) as kv:
            with pytest.raises(OutcomeUnknown):
                await kv.incr("n")
        async with AsyncKV(url="http://127.0.0.1:9", token=token(), timeout=0.4) as kv:
            with pytest.raises(Unavailable):
                await kv.get("n")

    asyncio.run(scenario())
    proxy.stop()


def test_without_httpx_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ImportError, match=r"automation-kv\[httpx\]"):
        AsyncKV(url="http://127.0.0.1", token="x")


def test_both_clients_have_the_same_methods() -> None:
    # What a mapping has can not be awaited; and a function that gives both a value and a loop can not either.
    ours = {name for name in vars(KV) if not name.startswith("_")}
    theirs = {name for name in vars(AsyncKV) if not name.startswith("_")}
    assert theirs - ours == {"item", "attempts"} and ours - theirs == set()
    for name in ours - {"txn"}:
        parameters = [list(inspect.signature(getattr(kind, name)).parameters) for kind in (KV, AsyncKV)]
        assert parameters[0] == parameters[1], name
