"""The contract of a tape, for every kind there is."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Delta, Done, Event, Snapshot, Started
from chat.tape import SPAN, Fenced, MemoryTape, RedisTape, Tape, Wake, Writer
from chat.tape import redis as redis_tape
from chat.tape.reel import READ_CAP
from tests.reading import Shown, eventually

DONE = Done("stop")
EMPTY = Snapshot()
REDIS_URL = os.environ.get("TEST_REDIS_URL")


def make_tape(kind: str) -> Tape:
    if kind == "memory":
        return MemoryTape()
    if not REDIS_URL:
        pytest.fail("TEST_REDIS_URL: run by scripts/with-services, as make test does")
    return RedisTape(REDIS_URL)


@pytest_asyncio.fixture(params=["memory", "redis"])
async def tape(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tape]:
    # A stream of its own: a tape that starts reads back what others said.
    monkeypatch.setattr(redis_tape, "KEY", f"tape:{secrets.token_hex(8)}")
    tape = make_tape(request.param)
    await tape.start()
    yield tape
    await tape.stop()


@pytest.fixture
def g() -> str:
    """A generation nobody has used: a shared tape remembers the others."""
    return secrets.token_hex(8)


@pytest.fixture
def h() -> str:
    return secrets.token_hex(8)


def begin(tape: Tape, generation: str) -> Writer:
    return tape.open(generation, 1, 0, EMPTY)


async def settled(tape: Tape) -> None:
    """What was said before this is on the tape."""
    mark = secrets.token_hex(8)
    begin(tape, mark).append(DONE)
    await eventually(lambda: tape.read(mark, 0))


def read_all(tape: Tape, generation: str, after: int = 0) -> Shown:
    page = Shown(cursor=after)
    while news := tape.read(generation, page.cursor):
        page.take(news)
    return page


async def parked(tape: Tape, generation: str, after: int, timeout: float = 20):
    """A reader that waits by now."""
    task = asyncio.create_task(tape.wait(generation, after, timeout))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    return task


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


class TestAttempts:
    async def test_a_second_opening_of_an_attempt_is_fenced(
        self, tape: Tape, g: str
    ) -> None:
        begin(tape, g)
        await settled(tape)

        with pytest.raises(Fenced):
            begin(tape, g)

    async def test_an_older_attempt_is_fenced(self, tape: Tape, g: str) -> None:
        tape.open(g, 2, 0, EMPTY)
        await settled(tape)

        with pytest.raises(Fenced):
            begin(tape, g)

    async def test_an_owner_that_wakes_up_late_cannot_append(
        self, tape: Tape, g: str
    ) -> None:
        late = begin(tape, g)
        last = late.append(Delta("a"))
        await settled(tape)
        tape.open(g, 2, last, Snapshot("a")).append(Delta("b"))
        await settled(tape)

        with pytest.raises(Fenced):
            late.append(Delta("c"))
        assert read_all(tape, g).text == "ab"

    async def test_readers_go_on_behind_an_exact_takeover(
        self, tape: Tape, g: str
    ) -> None:
        last = begin(tape, g).append(Delta("a"), Delta("b"))
        await settled(tape)
        page = read_all(tape, g)

        tape.open(g, 2, last, Snapshot("ab")).append(Delta("c"))
        await settled(tape)

        page.take(tape.read(g, page.cursor))
        assert (page.text, page.names) == ("abc", ["delta"] * 3)
        assert read_all(tape, g).names == ["delta"] * 3

    async def test_readers_ahead_of_a_takeover_are_rewound_once(
        self, tape: Tape, g: str
    ) -> None:
        last = begin(tape, g).append(Delta("a"), Delta("b"), Delta("c"))
        await settled(tape)
        ahead, exact = read_all(tape, g), Shown("ab", cursor=last - 1)

        tape.open(g, 2, last - 1, Snapshot("ab")).append(Delta("C"))
        await settled(tape)

        for page in (ahead, exact):
            while news := tape.read(g, page.cursor):
                page.take(news)
            assert page.text == "abC"
        assert ahead.names.count("snapshot") == 1
        assert "snapshot" not in exact.names

    async def test_after_a_crash_in_another_process_readers_are_rewound(
        self, tape: Tape, g: str
    ) -> None:
        """They may have seen text that nobody saved: even an empty one must go."""
        writer = tape.open(g, 2, 0, EMPTY)
        writer.append(Delta("a"))
        await settled(tape)
        page = Shown("unsaved", cursor=SPAN + 3)

        while news := tape.read(g, page.cursor):
            page.take(news)

        assert page.text == "a"

    async def test_a_checkpoint_makes_a_tape_whole(self, tape: Tape, g: str) -> None:
        assert not tape.is_whole(g)
        tape.ground(g, SPAN + 4, Snapshot("abcd"))

        assert tape.is_whole(g)
        assert read_all(tape, g).text == "abcd"
        assert read_all(tape, g, SPAN + 4).text == ""
        tape.ground(g, SPAN + 2, Snapshot("ab"))
        assert read_all(tape, g).text == "abcd"

    async def test_it_tells_all_it_heard_and_the_tokens(
        self, tape: Tape, g: str
    ) -> None:
        last = begin(tape, g).append(
            Delta("a", "", 1, (5,)), Delta("", "r", 2, (6, 7)), Delta("b", "", 1, (8,))
        )
        await settled(tape)

        assert tape.state(g) == (last, Snapshot("ab", "r", 4, (5, 6, 7, 8)))


class TestWaiting:
    async def test_news_wakes_at_once(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        await settled(tape)
        reader = await parked(tape, g, 0)

        writer.append(Delta("a"))

        assert await asyncio.wait_for(reader, 10) is Wake.NEWS

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

        await asyncio.wait_for(asyncio.gather(follow(), write()), 10)

        assert page.text == "".join(f"{index} " for index in range(300))

    async def test_a_reader_may_come_before_the_writer(
        self, tape: Tape, g: str
    ) -> None:
        reader = await parked(tape, g, 1)

        begin(tape, g).append(Delta("a"))

        assert await asyncio.wait_for(reader, 10) is Wake.NEWS

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

        assert await asyncio.wait_for(reader, 10) is Wake.CLOSING
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

        assert await asyncio.wait_for(stays, 10) is Wake.NEWS


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_interleaving_gives_every_reader_the_same_text(seed: int) -> None:
    """Appends, hand-overs with and without lost text, and readers that read now and
    then, or come late."""
    chance, tape = random.Random(seed), MemoryTape()
    pages = [Shown() for _ in range(4)]
    attempt, behind = 1, 0
    said: list[tuple[int, str]] = []
    writer = begin(tape, "g")
    for step in range(chance.randrange(5, 200)):
        action = chance.random()
        if action < 0.6:
            piece = f"{step} " * chance.choice([1, 1, 1, 4000])
            said.append((writer.append(Delta(piece)), piece))
        elif action < 0.65:
            attempt += 1
            if chance.random() < 0.5:
                said = said[: chance.randrange(len(said) + 1)]
            behind = said[-1][0] if said else 0
            text = Snapshot("".join(piece for _, piece in said))
            writer = tape.open("g", attempt, behind, text)
            writer.append(Started("g", "c", "u", "m", "scripted", attempt))
        else:
            page = chance.choice(pages)
            page.take(tape.read("g", page.cursor))
    writer.append(DONE)
    for page in [*pages, Shown()]:
        while news := tape.read("g", page.cursor):
            page.take(news)
        assert page.text == "".join(piece for _, piece in said)
        assert page.end == DONE


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
