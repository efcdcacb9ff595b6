"""What no tape may keep for ever."""

from __future__ import annotations

import asyncio

from chat.events import Delta
from chat.tape import MemoryTape, Wake
from tests.tape.helpers import DONE, begin, parked, read_all


class TestForgetting:
    """What no tape may keep for ever."""

    async def test_it_forgets_the_oldest_finished_ones(self) -> None:
        tape = MemoryTape()
        for number in range(2_000):
            begin(tape, str(number)).append(Delta("a"), DONE)

        assert len(tape._seats) < 1_000
        assert tape.read("0", 0) == []
        assert read_all(tape, "1999").text == "a"

    async def test_it_never_forgets_a_live_one(self) -> None:
        tape = MemoryTape()
        writer = begin(tape, "live")
        writer.append(Delta("a"))
        for number in range(2_000):
            begin(tape, str(number)).append(DONE)
        writer.append(Delta("b"))

        assert read_all(tape, "live").text == "ab"

    async def test_a_reader_of_a_forgotten_one_is_told_to_look_at_the_row(
        self,
    ) -> None:
        tape = MemoryTape()
        last = begin(tape, "old").append(DONE)
        reader = await parked(tape, "old", last)
        for number in range(2_000):
            begin(tape, str(number)).append(DONE)

        assert await asyncio.wait_for(reader, 10) is Wake.NUDGE

    async def test_a_reader_alone_leaves_nothing_behind(self) -> None:
        tape = MemoryTape()
        readers = [await parked(tape, "g", 0, 0.01) for _ in range(3)]
        await asyncio.gather(*readers)

        assert not tape._seats
