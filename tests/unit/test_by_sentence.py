"""Sentences as a stream that can be resumed at any frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chat.api.by_sentence import Reader
from chat.events import Delta, Done, Queued, Sequenced, Snapshot, Started, fold
from chat.tape import SPAN
from tests.reading import Shown

START = Started("g", "c", "u", "m", "scripted", 1)


def stream(pieces: list[str]) -> list[Sequenced]:
    deltas = [(SPAN + 1 + at, Delta(piece, "", 1)) for at, piece in enumerate(pieces)]
    end = (SPAN + 1 + len(pieces), Done("stop"))
    return [(1, START), (2, Queued(1)), *deltas, end]


def read(events: list[Sequenced], after: int = 0) -> list[Sequenced]:
    reader = Reader(after)
    return [one for seq, event in events for one in reader.take(seq, event)]


def as_snapshot(events: list[Sequenced], upto: int) -> list[Sequenced]:
    """What a tape gives that has forgotten the single deltas up to there."""
    old = [(seq, event) for seq, event in events if SPAN < seq <= upto]
    if not old:
        return events
    whole = fold(Snapshot(), [event for _seq, event in old])
    return [events[0], (old[-1][0], whole), *(e for e in events if e[0] > upto)]


def test_frames_are_sentences():
    found = read(stream(["你", "好！我", "是引", "擎。", "One", ". T", "wo"]))

    assert [event.text for _seq, event in found if isinstance(event, Delta)] == [
        *("你好！", "我是引擎。", "One. ", "Two")
    ]
    assert found[-1][1].name == "done"


PIECES = st.lists(st.text(alphabet="a.。 \n!", min_size=1, max_size=4), max_size=12)


@given(PIECES, st.data())
def test_it_is_resumed_exactly_at_any_frame(pieces, data):
    events = stream(pieces)
    whole = read(events)
    numbers = [seq for seq, _event in whole]
    assert numbers == sorted(set(numbers))
    text = "".join(pieces)
    assert Shown().take(whole).text == text

    at = data.draw(st.integers(0, len(whole)))
    page = Shown().take(whole[:at])
    forgotten = data.draw(st.integers(SPAN, SPAN + len(pieces)))
    rest = read(as_snapshot(events, forgotten), page.cursor)
    page.take(rest)
    assert page.text == text
    assert page.end is not None
