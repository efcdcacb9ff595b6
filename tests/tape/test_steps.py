"""Steps of a picture, on every kind of tape: of them only the newest is kept."""

from __future__ import annotations

import asyncio

import pytest

from chat.events import Delta, Done, Snapshot, Started, Step
from chat.tape import SPAN, Fenced, RedisTape, Tape
from chat.tape import redis as redis_tape
from chat.tape.reel import KEEP_ENTRIES, READ_CAP, Reel
from tests.reading import eventually
from tests.tape.conftest import REDIS_URL
from tests.tape.helpers import DONE, EMPTY, begin, settled

STARTED = Started("g", "c", "u", "m", "scripted-image", 2)


def step(number: int) -> Step:
    return Step(number, 9, f"data:image/webp;base64,{number}")


class TestSteps:
    async def test_a_new_reader_gets_the_newest(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        for number in range(1, 6):
            writer.show(step(number))
        await settled(tape)

        assert tape.read(g, 0) == [(SPAN + 5, step(5))]

    async def test_a_reader_that_comes_back_gets_just_the_newest(
        self, tape: Tape, g: str
    ) -> None:
        writer = begin(tape, g)
        for number in range(1, 6):
            writer.show(step(number))
        await settled(tape)

        for seen in range(1, 5):
            assert tape.read(g, SPAN + seen) == [(SPAN + 5, step(5))]
        assert tape.read(g, SPAN + 5) == []

    async def test_a_reader_that_keeps_up_gets_each(self, tape: Tape, g: str) -> None:
        writer, cursor = begin(tape, g), 0
        for number in range(1, 6):
            writer.show(step(number))
            await settled(tape)
            [(cursor, event)] = tape.read(g, cursor)
            assert event == step(number)

    async def test_an_end_leaves_none(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        writer.show(step(1))
        writer.show(step(2))
        writer.append(DONE)
        await settled(tape)

        for cursor in (0, 1, SPAN + 1, SPAN + 2):
            assert tape.read(g, cursor) == [(SPAN + 3, DONE)]

    async def test_the_end_names_the_pictures(self, tape: Tape, g: str) -> None:
        done = Done("stop", images=[{"id": "p", "width": 64, "alt": "熊猫"}])
        begin(tape, g).append(done)
        await settled(tape)

        assert tape.read(g, 0) == [(SPAN + 1, done)]

    async def test_text_between_them_stays(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        writer.show(step(1))
        writer.append(Delta("a"))
        writer.show(step(2))
        writer.append(Delta("b"))
        await settled(tape)

        assert tape.read(g, 0) == [
            (SPAN + 2, Delta("a")),
            (SPAN + 3, step(2)),
            (SPAN + 4, Delta("b")),
        ]
        assert tape.read(g, SPAN + 1)[0] == (SPAN + 2, Delta("a"))

    async def test_the_next_attempt_begins_again(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        for number in range(1, 4):
            writer.show(step(number))
        await settled(tape)
        second = tape.open(g, 2, SPAN + 3, EMPTY)
        second.append(STARTED)
        await settled(tape)

        again = (2 * SPAN + 1, STARTED)
        assert tape.read(g, SPAN + 1) == [(SPAN + 3, step(3)), again]
        assert tape.read(g, SPAN + 3) == [again]
        second.show(step(1))
        await settled(tape)
        assert tape.read(g, SPAN + 1) == [again, (2 * SPAN + 2, step(1))]
        with pytest.raises(Fenced):
            writer.show(step(4))

    async def test_who_is_shown_everything_is_shown_the_newest(
        self, tape: Tape, g: str
    ) -> None:
        """A reader whose cursor is none of its numbers."""
        writer = begin(tape, g)
        writer.show(step(1))
        writer.show(step(2))
        second = tape.open(g, 2, 0, EMPTY)
        second.append(STARTED)
        second.show(step(1))
        await settled(tape)

        assert tape.read(g, SPAN + 2) == [
            (2 * SPAN + 1, Snapshot()),
            (2 * SPAN + 2, step(1)),
        ]

    async def test_it_is_text_of_nobody(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        writer.append(Delta("a"))
        writer.show(step(1))
        await settled(tape)

        assert tape.state(g) == (SPAN + 2, Snapshot("a"))
        assert tape.is_whole(g)

    async def test_one_read_is_bounded(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        writer.show(Step(1, 2, "x" * READ_CAP))
        writer.append(Delta("a"), Delta("b"))
        await settled(tape)

        assert len(tape.read(g, 0)) < 3

    async def test_what_is_kept_is_bounded(self, tape: Tape, g: str) -> None:
        writer = begin(tape, g)
        for number in range(300):
            writer.show(Step(number, 300, "x" * 20_000))
        await settled(tape)

        reel = tape._seats[g].reel
        assert sum(len(event) for event in reel.entries) == 20_000  # type: ignore[arg-type]


class TestReel:
    def test_entries_that_come_twice_change_nothing(self) -> None:
        reel = Reel()
        reel.open(1, 0)
        for _ in range(2):
            for number in range(1, 4):
                reel.add(1, SPAN + number, [step(number)])

        assert reel.after(0) == [(SPAN + 3, step(3))]

    def test_several_in_one_entry_leave_the_last(self) -> None:
        reel = Reel()
        reel.open(1, 0)
        reel.add(1, SPAN + 1, [step(1), Delta("a"), step(2)])

        assert reel.after(0) == [(SPAN + 2, Delta("a")), (SPAN + 3, step(2))]

    def test_one_that_was_folded_away_is_passed_for_good(self) -> None:
        reel = Reel()
        reel.open(1, 0)
        reel.add(1, SPAN + 1, [step(1)])
        reel.add(1, SPAN + 2, [Delta("x" * 99)] * KEEP_ENTRIES)
        reel.add(1, SPAN + 2 + KEEP_ENTRIES, [step(2)])

        assert reel.after(SPAN + 1 + KEEP_ENTRIES) == [
            (SPAN + 2 + KEEP_ENTRIES, step(2))
        ]
        assert len([event for event in reel.entries if isinstance(event, Step)]) == 1

    def test_a_checkpoint_between_steps_makes_it_whole(self) -> None:
        """Older ones were deleted before this process came."""
        reel = Reel()
        reel.add(1, SPAN + 7, [step(7)])
        assert not reel.whole
        reel.ground(SPAN + 6, Snapshot())

        assert reel.after(1) == [(SPAN + 7, step(7))]


class TestRedis:
    async def test_steps_are_deleted_after_a_while_and_text_is_not(
        self, monkeypatch: pytest.MonkeyPatch, g: str
    ) -> None:
        assert REDIS_URL
        monkeypatch.setattr(redis_tape, "KEY", f"tape:{g}")
        monkeypatch.setattr(redis_tape, "KEEP_STEPS_SECONDS", 0)
        tape = RedisTape(REDIS_URL)
        await tape.start()
        writer = begin(tape, g)
        for number in range(20):
            writer.show(step(number))
            writer.append(Delta(f"{number} "))
            await settled(tape)
            await asyncio.sleep(0.002)  # Redis' clock counts milliseconds
        await settled(tape)

        entries = await tape._redis.xrange(redis_tape.KEY)
        said = [entry[b"b"] for _id, entry in entries]
        shown = [entry for entry in said if b'"show"' in entry]
        text = b"".join(said)
        # The newest, and what was written in the same look or millisecond.
        assert len(shown) < 10
        assert all(b'"%d "' % number in text for number in range(20))
        await tape._redis.delete(redis_tape.KEY)
        await tape.stop()

    async def test_while_redis_is_away_none_are_gathered(self, g: str) -> None:
        tape = RedisTape("unix:///nowhere/redis.sock")
        await tape.start()
        writer = begin(tape, g)
        await eventually(lambda: tape.problem)
        before = writer.next_seq
        for number in range(100):
            writer.show(step(number))

        assert (writer.next_seq, len(tape._outbox)) == (before, 1)
        await tape.stop()
