"""One contract for both tapes: the truth, in order, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from chat.events import Delta, Snapshot
from chat.tape import SPAN, Fenced, MemoryTape, RedisTape, Tape, Wake
from tests.reading import eventually

from .servers import RedisServer
from .tapes import DONE, START, begin, follow, shows, started

Pair = tuple[Tape, Tape]


@pytest_asyncio.fixture(params=["memory", "redis"])
async def pair(
    request: pytest.FixtureRequest, server: RedisServer
) -> AsyncIterator[Pair]:
    """The tape as two processes have it; in memory they are one."""
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            tape = await stack.enter_async_context(started(MemoryTape()))
            yield tape, tape
        else:
            with server.client() as client:
                client.flushall()
            tapes = [RedisTape(server.url) for _ in "ab"]
            yield tuple([await stack.enter_async_context(started(t)) for t in tapes])


@pytest.fixture
def here(pair: Pair) -> Tape:
    return pair[0]


@pytest.fixture
def there(pair: Pair) -> Tape:
    return pair[1]


class TestContract:
    async def test_it_reads_what_was_written_there(
        self, here: Tape, there: Tape
    ) -> None:
        writer = begin(here)
        first = asyncio.create_task(follow(there))
        for number in range(50):
            writer.append(Delta(f"{number} ", "r", 1, (number,)))
            await asyncio.sleep(0)
        writer.append(DONE)

        page = await first
        assert page.text == "".join(f"{number} " for number in range(50))
        assert page.reasoning == "r" * 50
        assert page.events[-1] == DONE
        assert (await follow(here)).text == page.text

    async def test_it_continues_there_behind_what_it_heard(
        self, here: Tape, there: Tape
    ) -> None:
        begin(here).append(Delta("a"), Delta("b", tokens=1, token_ids=(7,)))
        await shows(there, "ab")
        seq, heard = there.state("g") or (0, Snapshot())
        writer = there.open("g", 2, seq, heard)
        writer.append(START, Delta("c"), DONE)

        assert heard == Snapshot("ab", "", 1, (7,))
        page = await follow(here, SPAN + 2)
        assert [event.name for event in page.events] == ["start", "delta", "done"]
        assert (await follow(there)).text == "abc"

    async def test_it_ignores_a_late_owner(self, here: Tape, there: Tape) -> None:
        late = begin(here)
        late.append(Delta("a"))
        await shows(there, "a")
        writer = begin(there, 2, SPAN + 1, "a")
        writer.append(START, Delta("b"))
        # It may not know yet; then what it says comes too late everywhere.
        with contextlib.suppress(Fenced):
            late.append(Delta("X"))
        await shows(here, "ab")
        with pytest.raises(Fenced):
            late.append(Delta("Y"))
        writer.append(DONE)

        for tape in (here, there):
            assert (await follow(tape)).text == "ab"

    async def test_it_takes_back_what_nobody_saved(
        self, here: Tape, there: Tape
    ) -> None:
        begin(here).append(Delta("a"), Delta("lost"))
        await shows(there, "alost")
        writer = begin(there, 2, SPAN + 1, "a")
        writer.append(START, Delta("b"), DONE)

        page = await follow(here, SPAN + 2)
        assert page.names[0] == "snapshot"
        assert page.text == "ab"
        assert (await follow(here, SPAN + 1)).text == "b"

    async def test_an_attempt_opens_once(self, here: Tape) -> None:
        begin(here, 2)
        await shows(here, "")
        await eventually(lambda: here._seats["g"].reel.attempt == 2)

        for attempt in (1, 2):
            with pytest.raises(Fenced):
                begin(here, attempt)

    async def test_a_reader_alone_leaves_nothing_behind(self, here: Tape) -> None:
        assert await here.wait("g", 0, 0.01) is Wake.TIMEOUT
        assert not here._seats

    async def test_a_reader_that_leaves_early_does_not_end_the_fence(
        self, here: Tape
    ) -> None:
        writer = begin(here)
        await asyncio.wait([asyncio.create_task(here.wait("g", 5, 0.001))])
        begin_again = begin(here, 2, 0)
        await eventually(lambda: here._seats["g"].reel.attempt == 2)

        with pytest.raises(Fenced):
            writer.append(Delta("late"))
        begin_again.append(DONE)

    async def test_closing_ends_every_wait(self, here: Tape) -> None:
        wait = asyncio.create_task(here.wait("g", 0, 60))
        await asyncio.sleep(0)
        here.close_readers()

        assert await wait is Wake.CLOSING
