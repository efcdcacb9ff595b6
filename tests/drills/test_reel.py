"""Entries that are late, double or missing, in any order: readers get the truth."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Delta, Snapshot
from chat.tape import CARRIED, SPAN
from chat.tape.reel import Reel
from tests.reading import Shown


class TestReel:
    """Entries that are late, double or missing, in any order, with checkpoints."""

    def test_an_empty_text_in_front_of_the_events_is_news_once(self) -> None:
        reel = Reel()
        reel.ground(2 * SPAN + 1, Snapshot())

        [(seq, event)] = reel.after(1)
        assert (seq, event) == (2 * SPAN + 1, Snapshot())
        assert reel.after(seq) == []

    def test_a_text_that_was_there_before_is_news_once(self) -> None:
        """Of an answer that is continued: places in the queue follow it."""
        reel = Reel()
        reel.ground(CARRIED, Snapshot("old"))
        assert reel.after(1) == [(CARRIED, Snapshot("old"))]
        assert reel.after(CARRIED + 3) == []

        reel.open(1, CARRIED)
        reel.add(1, SPAN + 1, [Delta(" new")])
        assert reel.after(CARRIED + 3) == [(SPAN + 1, Delta(" new"))]
        assert reel.after(4) == [(SPAN + 1, Snapshot("old new"))]

    def test_another_process_learns_the_old_text_from_the_row(self) -> None:
        reel = Reel()
        reel.open(1, CARRIED)
        reel.add(1, SPAN + 1, [Delta(" new")])
        assert reel.after(1) == []

        reel.ground(CARRIED, Snapshot("old"))
        assert reel.after(1) == [(SPAN + 1, Snapshot("old new"))]

    def test_a_checkpoint_keeps_the_events_in_front_of_it(self) -> None:
        reel = Reel()
        reel.add(1, SPAN + 5, [Delta("e"), Delta("f"), Delta("g")])
        reel.ground(SPAN + 6, Snapshot("abcdef"))

        assert [seq for seq, _ in reel.after(SPAN + 5)] == [SPAN + 6, SPAN + 7]
        assert reel.after(1) == [(SPAN + 7, Snapshot("abcdefg"))]
        # An attempt that goes on in front of that base does not know its text.
        reel.open(2, SPAN + 5)
        assert not reel.whole

    @settings(max_examples=300, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def test_a_reader_is_never_told_anything_but_the_truth(self, seed: int) -> None:
        chance = random.Random(seed)
        world = World(chance)
        for _ in range(chance.randrange(5, 150)):
            world.step()
        world.end()


class World:
    """A writer, its checkpoints, late owners, and two processes that hear badly."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.attempt = 1
        self.lines = {1: (SPAN, "")}
        """How far each attempt came, and the whole text there."""
        self.ever = {0: "", SPAN: ""}
        """The whole text at each number there ever was."""
        self.saved = (0, "")
        self.reels = [Reel(), Reel()]
        self.pages = [(reel, Shown()) for reel in self.reels for _ in "ab"]
        self.log: list[tuple] = [("open", 1, 0)]
        self.heard = [0, 0]

    def step(self) -> None:
        actions = [self.say] * 5 + [self.hear] * 8 + [self.read] * 6
        actions += [self.save, self.ground, self.again, self.late]
        actions += [self.take_over, self.lose]
        self.chance.choice(actions)()

    def say(self, attempt: int = 0) -> None:
        attempt = attempt or self.attempt
        seq, text = self.lines[attempt]
        events = []
        count = self.chance.choice((1, 2, 3, 20))
        for number in range(seq + 1, seq + 1 + count):
            events.append(Delta(f"{number} "))
            text += f"{number} "
            self.ever[number] = text
        self.lines[attempt] = (seq + len(events), text)
        self.log.append(("say", attempt, seq + 1, events))

    def late(self) -> None:
        """An owner that was cut off goes on."""
        self.say(self.chance.randrange(1, self.attempt + 1))

    def hear(self) -> None:
        index = self.chance.randrange(2)
        if self.heard[index] < len(self.log):
            apply(self.reels[index], self.log[self.heard[index]])
            self.heard[index] += 1

    def lose(self) -> None:
        """The stream was trimmed, or lost: one process misses some of it."""
        index = self.chance.randrange(2)
        self.heard[index] = self.chance.randrange(self.heard[index], len(self.log) + 1)

    def again(self) -> None:
        """An entry whose answer was lost is added again."""
        self.log.append(self.chance.choice(self.log))

    def save(self) -> None:
        """The fence of the database: only the newest attempt."""
        if self.lines[self.attempt][0] > self.attempt * SPAN:
            self.saved = self.lines[self.attempt]

    def ground(self) -> None:
        self.chance.choice(self.reels).ground(self.saved[0], Snapshot(self.saved[1]))

    def take_over(self) -> None:
        """By a process that goes on from its own tape, or from the checkpoint."""
        state = self.chance.choice(self.reels).state()
        behind, text = self.saved
        if state and state[0] > behind:
            behind, text = state[0], state[1].text
            assert text == self.ever[behind]
        self.attempt += 1
        self.lines[self.attempt] = (self.attempt * SPAN, text)
        self.ever[self.attempt * SPAN] = text
        self.log.append(("open", self.attempt, behind))
        self.say()

    def read(self) -> None:
        reel, page = self.chance.choice(self.pages)
        before = page.cursor
        news = reel.after(page.cursor)
        page.take(news)
        assert bool(news) == (reel.whole and reel.tip > before)
        assert page.text == self.ever[page.cursor]

    def end(self) -> None:
        """Everybody hears the rest, and of one last checkpoint."""
        self.say()
        seq, text = self.lines[self.attempt]
        for index, reel in enumerate(self.reels):
            for entry in self.log[self.heard[index] :]:
                apply(reel, entry)
            reel.ground(seq, Snapshot(text))
        for reel, page in [*self.pages, *((reel, Shown()) for reel in self.reels)]:
            while news := reel.after(page.cursor):
                page.take(news)
            assert (page.cursor, page.text) == (seq, text)


def apply(reel: Reel, entry: tuple) -> None:
    kind, attempt, number, *events = entry
    if kind == "open":
        reel.open(attempt, number)
    else:
        reel.add(attempt, number, *events)
