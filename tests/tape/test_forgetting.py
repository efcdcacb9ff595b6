"""What no tape may keep for ever."""

from __future__ import annotations

import asyncio

import pytest

from chat.events import Delta, Event, Snapshot
from chat.tape import MemoryTape, Wake, base
from chat.tape.base import KEEP_FINISHED, SWEEP_EVERY
from tests.tape.helpers import DONE, begin, parked, read_all


class TestForgetting:
    """What no tape may keep for ever."""

    async def test_it_forgets_the_oldest_finished_ones(self) -> None:
        tape = MemoryTape()
        for number in range(2_000):
            begin(tape, str(number)).append(Delta("a"), DONE)

        assert len(tape._seats) < KEEP_FINISHED + SWEEP_EVERY
        assert tape.read("0", 0) == []
        assert read_all(tape, "1999").text == "a"

    async def test_however_many_live_ones_there_are_beside_them(self) -> None:
        tape = MemoryTape()
        for number in range(2_000):
            begin(tape, f"live {number}").append(Delta("a"))
            begin(tape, str(number)).append(DONE)

        finished = [seat for seat in tape._seats.values() if seat.reel.finished]
        assert len(finished) < KEEP_FINISHED + SWEEP_EVERY
        assert read_all(tape, "live 0").text == "a"

    async def test_one_that_went_on_for_long_is_not_the_oldest(self) -> None:
        tape = MemoryTape()
        writer = begin(tape, "long")
        for number in range(2_000):
            begin(tape, str(number)).append(DONE)
        writer.append(Delta("a"), DONE)
        for number in range(2_000, 2_000 + SWEEP_EVERY):
            begin(tape, str(number)).append(DONE)

        assert read_all(tape, "long").text == "a"

    @pytest.mark.parametrize(
        "said",
        [
            [Delta("a" * 1_000)],
            [Delta("", "a" * 1_000)],
            [Delta("a" * 10)] * 100,
            [Delta("a" * 500), Snapshot("a" * 500)],
            [Delta("a")] * 1_000,
        ],
        ids=["text", "reasoning", "packs", "snapshot", "tokens"],
    )
    async def test_long_ones_leave_room_for_fewer(
        self, said: list[Event], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(base, "KEEP_CHARACTERS", 10_000)
        tape = MemoryTape()
        for number in range(10 * SWEEP_EVERY):
            begin(tape, str(number)).append(*said, DONE)

        assert len(tape._seats) in range(10, 10 + SWEEP_EVERY)
        assert not tape.is_whole("0")
        assert len(read_all(tape, str(number)).said) in (500, 1_000)

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

        assert await asyncio.wait_for(reader, 60) is Wake.NUDGE

    async def test_a_reader_alone_leaves_nothing_behind(self) -> None:
        tape = MemoryTape()
        readers = [await parked(tape, "g", 0, 0.01) for _ in range(3)]
        await asyncio.gather(*readers)

        assert not tape._seats
