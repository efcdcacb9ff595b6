"""Tokens are packed behind the newest: nobody who reads can tell."""

from __future__ import annotations

from itertools import chain
from sys import getsizeof

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.events import Delta, Event, Snapshot, Started, fold
from chat.tape import SPAN
from chat.tape.pack import LONGEST, MOST, Pack
from chat.tape.reel import BLOCK, KEEP_ENTRIES, Reel
from tests.tape.helpers import DONE

STARTED = Started("g", "c", "u", "m", "scripted", 1)
TEXTS = st.text("ab\u6587\U0001f642", min_size=1, max_size=LONGEST + 1)
DELTAS = st.one_of(
    st.builds(Delta, TEXTS, tokens=st.sampled_from([0, 1, 2, 300])),
    st.builds(Delta, st.just(""), TEXTS, tokens=st.just(1)),
    st.builds(Delta, TEXTS, TEXTS),
    st.builds(Delta, TEXTS, st.just(""), st.just(2), st.just((7, 70_000))),
    st.builds(Delta, TEXTS, st.just(""), st.just(3), st.just((8,))),
)
RUNS = st.tuples(DELTAS, st.integers(1, 40)).map(lambda run: [run[0]] * run[1])
EVENTS = st.lists(RUNS, max_size=6).map(lambda runs: [*sum(runs, [STARTED]), DONE])


def said(events: list[Event], handful: int = 1) -> Reel:
    """A reel to which so many at a time were added."""
    reel = Reel()
    reel.open(1, 0)
    for place in range(0, len(events), handful):
        reel.add(1, SPAN + 1 + place, events[place : place + handful])
    return reel


class TestPacking:
    @given(events=EVENTS, handful=st.integers(1, 50))
    def test_every_cursor_gets_what_follows(
        self, events: list[Event], handful: int
    ) -> None:
        reel = said(events, handful)

        for seen in range(len(events) + 1):
            news = reel.after(SPAN + seen) if seen else reel.after(0)
            assert news == list(enumerate(events, SPAN + 1))[seen:]

    @given(events=EVENTS, handful=st.integers(1, 50), share=st.floats(0, 1))
    def test_another_attempt_goes_on_behind_any_number(
        self, events: list[Event], handful: int, share: float
    ) -> None:
        reel = said(events, handful)
        behind = 1 + round(share * (len(events) - 1))
        text = fold(Snapshot(), events[:behind])

        reel.open(2, SPAN + behind)
        assert reel.state() == (SPAN + behind, text)
        reel.add(2, 2 * SPAN + 1, [Delta(f"{number}") for number in range(BLOCK + 2)])
        for seen in range(1, behind + 1):
            news = [event for _, event in reel.after(SPAN + seen)]
            assert fold(Snapshot(), events[:seen] + news).text == reel.state()[1].text

    @given(events=EVENTS, share=st.floats(0, 1))
    def test_a_checkpoint_in_its_midst_is_no_end(
        self, events: list[Event], share: float
    ) -> None:
        """Of a process that missed the beginning and cannot know that it did not."""
        reel = Reel()
        reel.add(1, SPAN + 1, events)
        saved = 1 + round(share * (len(events) - 1))
        reel.ground(SPAN + saved, fold(Snapshot(), events[:saved]))
        reel.add(1, SPAN + 1 + len(events), [DONE])

        assert reel.state() == (SPAN + 1 + len(events), fold(Snapshot(), events))
        for seen in range(1, len(events) + 1):
            news = [event for _, event in reel.after(SPAN + seen)]
            assert news == [*events[seen:], DONE]

    @pytest.mark.parametrize(
        "delta",
        [
            Delta("word ", tokens=1),
            Delta("", "word ", 1),
            Delta("word ", "", 1, (900,)),
        ],
    )
    def test_tokens_leave_few_values(self, delta: Delta) -> None:
        reel = said([delta] * 10 * MOST)

        assert len(reel.entries) <= 10 + 2 + BLOCK
        assert all(isinstance(entry, Pack) for entry in reel.entries[:10])

    def test_a_long_answer_takes_few_bytes_a_token(self) -> None:
        """Its text, and nine bytes: where each ends, how many, and its id."""
        reel = said([Delta("word ", "", 1, (900,))] * 16 * MOST)

        packs = [entry for entry in reel.entries if isinstance(entry, Pack)]
        parts = [(each.text, each.ends, each.tokens, each.ids) for each in packs]
        assert sum(map(getsizeof, chain(*parts))) <= (5 + 9) * 16 * MOST

    def test_what_cannot_be_packed_is_bounded_too(self) -> None:
        """Its text is there: what stands beside it does not grow with it."""
        long = Delta("w" * (LONGEST + 1), tokens=1)
        reel = said([long] * 3 * KEEP_ENTRIES)

        assert len(reel.entries) <= KEEP_ENTRIES + BLOCK
        assert reel.characters == len(long) * 3 * KEEP_ENTRIES

    def test_the_newest_is_given_as_it_came(self) -> None:
        events = [Delta(str(number)) for number in range(3 * BLOCK)]
        reel = Reel()
        reel.open(1, 0)
        for number, event in enumerate(events, SPAN + 1):
            reel.add(1, number, [event])
            if number > SPAN + 1:
                assert reel.after(number - 1) == [(number, event)]
