"""Readers wait for a tape: woken by news and nudges, never missed, never for ever."""

from __future__ import annotations

import asyncio

from chat.events import Delta
from chat.tape import Tape, Wake
from tests.reading import Shown
from tests.tape.helpers import DONE, begin, parked, read_all, settled


class TestWaiting:
    async def test_news_wakes_at_once(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        await settled(tape)
        reader = await parked(tape, g, 0)

        writer.append(Delta("a"))

        assert await asyncio.wait_for(reader, 60) is Wake.NEWS

    async def test_news_behind_the_cursor_does_not_wait(
        self, tape: Tape, g: str
    ) -> None:
        begin(tape, g).append(Delta("a"))
        await settled(tape)

        assert await tape.wait(g, 0, 5) is Wake.NEWS

    async def test_no_append_is_ever_missed(self, tape: Tape, g: str) -> None:
        writer, page = begin(tape, g), Shown()

        async def write() -> None:
            for index in range(300):
                writer.append(Delta(f"{index} "))
                if index % 7 == 0:
                    await asyncio.sleep(0)
            writer.append(DONE)

        async def follow() -> None:
            while page.end is None:
                page.take(tape.read(g, page.cursor))
                if page.end is None:
                    assert await tape.wait(g, page.cursor, 5) is Wake.NEWS

        await asyncio.wait_for(asyncio.gather(follow(), write()), 60)

        assert page.text == "".join(f"{index} " for index in range(300))

    async def test_a_reader_may_come_before_the_writer(
        self, tape: Tape, g: str
    ) -> None:
        reader = await parked(tape, g, 1)

        begin(tape, g).append(Delta("a"))

        assert await asyncio.wait_for(reader, 60) is Wake.NEWS

    async def test_silence_times_out(self, tape: Tape, g: str) -> None:
        assert await tape.wait(g, 0, 0.01) is Wake.TIMEOUT

    async def test_a_nudge_wakes_all_its_readers_only(
        self, tape: Tape, g: str, h: str
    ) -> None:
        readers = [await parked(tape, g, 0) for _ in range(3)]
        other = await parked(tape, h, 0)

        tape.nudge(g)

        assert await asyncio.gather(*readers) == [Wake.NUDGE] * 3
        assert not other.done()
        other.cancel()

    async def test_a_nudge_for_nobody_does_nothing(self, tape: Tape) -> None:
        tape.nudge("bogus")

    async def test_closing_ends_every_wait_and_every_later_one(
        self, tape: Tape, g: str, h: str
    ) -> None:
        reader = await parked(tape, g, 0)

        tape.close_readers()

        assert await asyncio.wait_for(reader, 60) is Wake.CLOSING
        assert await tape.wait(h, 0, 5) is Wake.CLOSING

    async def test_closing_leaves_what_is_there_readable(
        self, tape: Tape, g: str
    ) -> None:
        begin(tape, g).append(Delta("a"))
        await settled(tape)

        tape.close_readers()

        assert read_all(tape, g).text == "a"

    async def test_a_reader_that_gives_up_disturbs_nobody(
        self, tape: Tape, g: str
    ) -> None:
        writer = begin(tape, g)
        await settled(tape)
        gone, stays = [await parked(tape, g, 0) for _ in range(2)]
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)

        writer.append(Delta("a"))

        assert await asyncio.wait_for(stays, 60) is Wake.NEWS
