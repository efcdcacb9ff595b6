"""What only a tape of many processes must take care of, on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from chat import nudges
from chat.events import Delta, Snapshot
from chat.tape import SPAN, RedisTape, Tape, Wake, redis
from chat.tape.reel import KEEP_ENTRIES
from tests.reading import eventually

from .servers import RedisServer
from .tapes import DONE, START, begin, follow, shows, started


class TestRedis:
    """What only a tape of many processes must take care of."""

    @pytest_asyncio.fixture
    async def tapes(self, server: RedisServer) -> AsyncIterator[Callable]:
        with server.client() as client:
            client.flushall()
        async with AsyncExitStack() as stack:

            async def make() -> Tape:
                return await stack.enter_async_context(started(RedisTape(server.url)))

            yield make

    async def test_one_that_starts_late_fills_in_from_the_checkpoint(
        self, tapes: Callable, server: RedisServer
    ) -> None:
        here, early = await tapes(), await tapes()
        writer = begin(here)
        writer.append(Delta("a"), Delta("b"))
        await shows(early, "ab")
        server.kill(forget=True)
        await asyncio.to_thread(server.start)
        late = await tapes()
        writer.append(Delta("c"))
        await shows(early, "abc")
        await eventually(lambda: "g" in late._seats and late._seats["g"].reel.seqs)

        assert late.read("g", 0) == []
        late.ground("g", SPAN + 2, Snapshot("ab"))
        writer.append(DONE)
        assert (await follow(late)).text == "abc"
        assert (await follow(early)).text == "abc"

    async def test_what_was_said_while_it_was_away_comes_afterwards(
        self, tapes: Callable, server: RedisServer
    ) -> None:
        here, there = await tapes(), await tapes()
        writer = begin(here)
        writer.append(Delta("a"))
        await shows(there, "a")
        server.kill(forget=False)
        writer.append(Delta("b"))
        await eventually(lambda: here.problem and there.problem)
        await asyncio.to_thread(server.start)
        writer.append(Delta("c"), DONE)

        assert (await follow(there)).text == "abc"
        await eventually(lambda: not (here.problem or there.problem))

    async def test_readers_of_a_broken_reel_are_told_to_look_at_the_row(
        self, tapes: Callable
    ) -> None:
        here, there = await tapes(), await tapes()
        writer = begin(here)
        writer.append(Delta("a"))
        await shows(there, "a")
        wait = asyncio.create_task(there.wait("g", SPAN + 1, 60))
        await asyncio.sleep(0)
        writer.next_seq += 1  # one that nobody heard
        writer.append(Delta("c"))

        assert await asyncio.wait_for(wait, 60) is Wake.NUDGE
        assert not there.is_whole("g")

    async def test_it_goes_on_behind_what_a_newer_version_says(
        self, tapes: Callable
    ) -> None:
        here, there = await tapes(), await tapes()
        here.send(["nudge", "x", "a kind of tomorrow", ""])
        here.send(["whatever"])
        here.send([])
        here.send(["say", "h", 1, SPAN + 1, [["an event of tomorrow", {}]]])
        begin(here).append(Delta("a"), DONE)

        assert (await follow(there)).text == "a"

    async def test_it_reads_a_redis_whose_clock_is_behind(
        self, tapes: Callable, server: RedisServer
    ) -> None:
        """Failed over to another machine, without the data."""
        here = await tapes()
        begin(here).append(Delta("a"))
        await shows(here, "a")
        there = await tapes()
        for tape in (here, there):
            tape._last_id = b"9999999999999-0"
        await asyncio.sleep(redis.BLOCK_MS / 1000 + 0.2)
        begin(here, 2, SPAN + 1, "a").append(START, Delta("b"), DONE)

        assert (await follow(here)).text == "ab"

    async def test_the_stream_is_trimmed_and_expires(
        self,
        tapes: Callable,
        server: RedisServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(redis, "KEEP_SECONDS", 1)
        here = await tapes()
        writer = begin(here)
        with server.client() as client:
            assert not client.exists(redis.KEY)
            for number in range(300):
                writer.append(Delta(f"{number} "))
                await asyncio.sleep(0.006)
            await asyncio.sleep(1)
            writer.append(DONE)
            await follow(here)
            assert client.xlen(redis.KEY) < 250
            assert 0 < client.ttl(redis.KEY) <= 10

    async def test_its_outbox_is_bounded_while_redis_is_away(
        self,
        tapes: Callable,
        server: RedisServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(redis, "OUTBOX_ITEMS", 100)
        here, there = await tapes(), await tapes()
        writer = begin(here)
        writer.append(Delta("first "))
        await shows(there, "first ")
        server.kill(forget=True)
        for number in range(500):
            writer.append(Delta(f"{number} "))
        assert len(here._outbox) == 100
        await asyncio.to_thread(server.start)
        text = "first " + "".join(f"{number} " for number in range(500))
        await eventually(lambda: there._seats["g"].reel.tip == SPAN + 501)

        assert not there.is_whole("g")
        there.ground("g", SPAN + 501, Snapshot(text))
        assert there.state("g") == (SPAN + 501, Snapshot(text))

    async def test_it_says_everything_before_it_stops(
        self, tapes: Callable, server: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redis, "STOP_SECONDS", 60)
        there = await tapes()
        async with started(RedisTape(server.url)) as here:
            begin(here).append(*(Delta(f"{number} ") for number in range(5000)), DONE)

        assert len((await follow(there)).text.split()) == 5000

    async def test_nudges_reach_the_others(self, tapes: Callable) -> None:
        here, _there = await tapes(), await tapes()
        heard: list[str] = []
        nudges.stop.connect(heard.append)
        nudges.stop.send("g")

        # Once for this process itself, once from the other tape of this test.
        await eventually(lambda: len(heard) >= 2)
        nudges.stop.disconnect(heard.append)
        assert set(heard) == {"g"}
        assert here.problem is None

    async def test_a_long_tape_is_folded_alike_everywhere(
        self, tapes: Callable
    ) -> None:
        here, there = await tapes(), await tapes()
        writer = begin(here)
        for number in range(KEEP_ENTRIES + 10):
            writer.append(Delta(f"{number} " * 20))
        writer.append(DONE)

        first, second = await follow(here), await follow(there)
        assert first.text == second.text
        assert here._seats["g"].reel == there._seats["g"].reel
