"""One attempt after the other writes a tape, and only the newest."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Delta, Snapshot, Started
from chat.tape import SPAN, Fenced, MemoryTape, Tape
from tests.reading import Shown
from tests.tape.helpers import DONE, EMPTY, begin, read_all, settled


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
