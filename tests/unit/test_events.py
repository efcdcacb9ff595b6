from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.events import (
    KINDS,
    Delta,
    Done,
    Failed,
    Queued,
    Snapshot,
    Started,
    from_data,
    is_terminal,
    join,
    merge,
)

STARTED = Started("g", "c", "u", "m", "scripted", 1)
EXAMPLES = [
    STARTED,
    Queued(3),
    Delta("text"),
    Delta("", "thought"),
    Delta("text", "thought"),
    Snapshot("text", "thought"),
    Done("stop", {"prompt_tokens": 1}, {"queue_ms": None}),
    Failed("engine_failed", "It broke.", retryable=True),
]
deltas = st.builds(Delta, st.text(min_size=1), st.text())
events = st.one_of(deltas, st.builds(Snapshot, st.text(), st.text()), st.just(STARTED))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.name)
def test_it_comes_back_from_its_data(event) -> None:
    assert from_data(event.name, event.data()) == event


def test_it_knows_every_name_of_the_contract() -> None:
    names = {"start", "queued", "delta", "snapshot", "step", "done", "error"}
    assert set(KINDS) == names


def test_it_rejects_an_unknown_name() -> None:
    with pytest.raises(KeyError):
        from_data("bogus", {})


def test_it_rejects_unknown_data() -> None:
    with pytest.raises(TypeError):
        from_data("delta", {"bogus": 1})


def test_a_delta_says_only_what_it_has() -> None:
    assert Delta("text").data() == {"text": "text"}
    assert Delta("", "thought").data() == {"reasoning": "thought"}


def test_a_delta_is_as_long_as_its_text_and_reasoning() -> None:
    assert len(Delta("text", "so")) == 6


def test_only_done_and_error_are_terminal() -> None:
    ends = {event.name for event in EXAMPLES if is_terminal(event)}

    assert ends == {"done", "error"}


def test_merging_joins_neighbours_only() -> None:
    said = [Delta("a"), Delta("b"), Queued(1), Delta("c"), Delta("", "d")]

    merged = list(merge(enumerate(said, start=1)))

    assert merged == [(2, Delta("ab")), (3, Queued(1)), (5, Delta("c", "d"))]


def test_merging_nothing_gives_nothing() -> None:
    assert list(merge([])) == []


@given(st.lists(events))
def test_merging_preserves_text_order_and_the_last_number(said) -> None:
    numbered = list(enumerate(said, start=1))

    merged = list(merge(numbered))

    assert replay(merged) == replay(numbered)
    numbers = [seq for seq, _ in merged]
    assert numbers == sorted(set(numbers))
    assert numbers[-1:] == [seq for seq, _ in numbered][-1:]
    kept = [event for event in said if not isinstance(event, Delta)]
    assert [event for _, event in merged if not isinstance(event, Delta)] == kept


@given(st.lists(events))
def test_merging_twice_changes_nothing_more(said) -> None:
    once = list(merge(enumerate(said, start=1)))

    assert list(merge(once)) == once


@given(st.lists(deltas, min_size=1))
def test_joining_adds_up(parts) -> None:
    whole = join(parts)

    assert whole.text == "".join(part.text for part in parts)
    assert whole.reasoning == "".join(part.reasoning for part in parts)


def replay(numbered) -> tuple[str, str]:
    text = reasoning = ""
    for _, event in numbered:
        if isinstance(event, Delta):
            text, reasoning = text + event.text, reasoning + event.reasoning
        elif isinstance(event, Snapshot):
            text, reasoning = event.text, event.reasoning
    return text, reasoning
