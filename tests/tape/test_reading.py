"""The contract of a tape, for every kind there is: what a reader gets."""

from __future__ import annotations

import pytest_asyncio

from chat.events import Delta, Event, Started
from chat.tape import SPAN, Tape
from chat.tape.reel import READ_CAP
from tests.reading import Shown
from tests.tape.helpers import DONE, EMPTY, begin, read_all, settled


class TestReading:
    async def test_an_unknown_tape_is_empty(self, tape: Tape, g: str) -> None:
        assert tape.read(g, 0) == []
        assert tape.state(g) is None

    async def test_numbers_say_attempt_and_place(self, tape: Tape, g: str) -> None:
        writer = tape.open(g, 3, 0, EMPTY)

        assert writer.next_seq == 3 * SPAN + 1
        assert writer.append(Delta("a"), Delta("b")) == 3 * SPAN + 2
        assert writer.next_seq == 3 * SPAN + 3
        await settled(tape)
        assert [seq for seq, _ in tape.read(g, 0)] == [3 * SPAN + 1, 3 * SPAN + 2]

    async def test_a_cursor_gets_exactly_what_follows(self, tape: Tape, g: str) -> None:
        said: list[Event] = [
            Started("g", "c", "u", "m", "scripted", 1),
            Delta("a", "", 1, (7,)),
            Delta("", "b", 2, (8, 9)),
            Delta("\u2028\ud83d c"),
            DONE,
        ]
        begin(tape, g).append(*said)
        await settled(tape)
        whole = tape.read(g, 0)

        assert [event for _, event in whole] == said
        for place, (seq, _) in enumerate(whole, start=1):
            assert tape.read(g, seq) == whole[place:]

    async def test_places_in_the_queue_come_before_the_text(
        self, tape: Tape, g: str
    ) -> None:
        begin(tape, g).append(Delta("a"))
        await settled(tape)

        for cursor in (0, 1, 2, 40):
            assert tape.read(g, cursor) == [(SPAN + 1, Delta("a"))]

    async def test_a_cursor_from_the_future_gets_nothing(
        self, tape: Tape, g: str
    ) -> None:
        begin(tape, g).append(Delta("a"))
        await settled(tape)

        assert tape.read(g, 10**18) == []

    async def test_tapes_do_not_mix(self, tape: Tape, g: str, h: str) -> None:
        begin(tape, g).append(Delta("a"))
        begin(tape, h).append(Delta("b"))
        await settled(tape)

        assert read_all(tape, g).text == "a"
        assert read_all(tape, h).text == "b"

    async def test_reading_changes_nothing(self, tape: Tape, g: str) -> None:
        begin(tape, g).append(Delta("a"))
        await settled(tape)

        assert tape.read(g, 0) == tape.read(g, 0) != []

    async def test_one_read_is_bounded(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        for _ in range(30):
            writer.append(Delta("x" * 10_000))
        await settled(tape)

        first = tape.read(g, 0)

        assert sum(len(event) for _, event in first) <= READ_CAP + 10_000
        assert read_all(tape, g).text == "x" * 300_000

    async def test_one_huge_event_is_read(self, tape: Tape, g: str) -> None:
        begin(tape, g).append(Delta("x" * 3 * READ_CAP))
        await settled(tape)

        assert len(read_all(tape, g).text) == 3 * READ_CAP


class TestTrimming:
    """A long answer is folded: who is far behind gets its text as one snapshot."""

    LENGTH = 20_000

    @pytest_asyncio.fixture
    async def long(self, tape: Tape, g: str) -> Tape:
        writer = begin(tape, g)
        writer.append(Started("g", "c", "u", "m", "scripted", 1))
        for index in range(self.LENGTH):
            writer.append(Delta(f"{index} ", "r" if index < 5 else ""))
        writer.append(DONE)
        await settled(tape)
        return tape

    @property
    def text(self) -> str:
        return "".join(f"{index} " for index in range(self.LENGTH))

    async def test_a_new_reader_gets_everything(self, long: Tape, g: str) -> None:
        page = read_all(long, g)

        assert (page.text, page.reasoning, page.end) == (self.text, "rrrrr", DONE)
        assert page.names.count("snapshot") <= 1

    async def test_any_cursor_ends_with_the_same_text(self, long: Tape, g: str) -> None:
        for place in [0, 1, 2, 100, 5_000, 9_999, 12_345, 19_999, 20_000]:
            page = Shown(cursor=SPAN + place + 1 if place else 0)
            page.text = "".join(f"{index} " for index in range(place))
            while news := long.read(g, page.cursor):
                page.take(news)
            assert (page.text, page.end) == (self.text, DONE), place
            assert page.names.count("snapshot") <= 1

    async def test_a_reader_that_keeps_up_never_gets_a_snapshot(
        self, tape: Tape, g: str
    ) -> None:
        writer, page = begin(tape, g), Shown()
        for index in range(self.LENGTH):
            writer.append(Delta(f"{index} "))
            if index % 1000 == 0:
                await settled(tape)
                page.take(tape.read(g, page.cursor))
        await settled(tape)
        while news := tape.read(g, page.cursor):
            page.take(news)

        assert page.text == self.text
        assert "snapshot" not in page.names
