"""Pieces of tool calls, and the calls they make."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import tool_calls
from chat.api.forward import Progressing, Rewound
from chat.events import Delta, Done, Snapshot, fold, from_data
from chat.tape.redis import pack, unpack
from chat.tool_calls import CallPiece

WEATHER = CallPiece(0, "call_0", "weather")
TIME = CallPiece(1, "call_1", "time")
PIECES = [
    WEATHER,
    CallPiece(0, arguments='{"at": ', tokens=1),
    CallPiece(0, arguments='"北京 🙂"}', tokens=2),
    TIME,
    CallPiece(1, arguments="{}", tokens=1),
]
WHOLE = (
    CallPiece(0, "call_0", "weather", '{"at": "北京 🙂"}', 3),
    CallPiece(1, "call_1", "time", "{}", 1),
)
cuts = st.lists(st.integers(0, len(PIECES)), max_size=3).map(sorted)


def parts(cut: list[int]) -> list[list[CallPiece]]:
    ends = [0, *cut, len(PIECES)]
    return [PIECES[a:b] for a, b in pairwise(ends)]


@given(cuts)
def test_pieces_make_the_same_calls_however_they_were_joined(cut):
    joined = [piece for part in parts(cut) for piece in tool_calls.joined(part)]

    assert tool_calls.joined(joined) == WHOLE


@given(cuts)
def test_a_checkpoint_is_added_to(cut):
    text = "".join(tool_calls.lines(part) for part in parts(cut))

    assert tool_calls.of_lines(text) == WHOLE
    assert tool_calls.of_lines("") == ()


def test_a_message_has_them_in_openais_shape():
    [first, _] = stored = tool_calls.stored(WHOLE)

    assert first == {
        "id": "call_0",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"at": "北京 🙂"}'},
    }
    back = tool_calls.of_stored(json.loads(json.dumps(stored)))
    assert [call.arguments for call in back] == [call.arguments for call in WHOLE]
    assert tool_calls.stored(()) is None


@pytest.mark.parametrize(
    "event", [Delta(tool_calls=tuple(PIECES)), Snapshot("a", "b", tool_calls=WHOLE)]
)
def test_an_event_comes_back_from_the_wire_without_its_tokens(event):
    back = from_data(event.name, json.loads(json.dumps(event.data())))

    assert tool_calls.stored(back.tool_calls) == tool_calls.stored(event.tool_calls)
    assert sum(call.tokens for call in back.tool_calls) == 0


@pytest.mark.parametrize(
    "event",
    [
        Delta("a", "b", 3, (1, 2)),
        Delta("a", tokens=4, tool_calls=tuple(PIECES)),
        Snapshot("a", "b", 7, (1,), WHOLE),
        Snapshot(),
    ],
)
def test_an_event_comes_back_from_redis_with_its_tokens(event):
    assert unpack(json.loads(json.dumps(pack(event)))) == event


def test_a_snapshot_replaces_what_came_before_it():
    said = [
        Delta("a", tokens=1),
        Delta(tool_calls=(WEATHER,), tokens=1),
        Snapshot("a", tokens=1),
        Delta("b", tokens=1),
    ]

    assert fold(Snapshot("x"), said) == Snapshot("ab", tokens=2)


@pytest.mark.parametrize(
    ("arguments", "can"), [("{}", True), ("", True), ('{"at": "B', False)]
)
def test_a_call_that_was_cut_cannot_be_made(arguments, can):
    calls = tool_calls.stored([CallPiece(0, "call_0", "weather", arguments)])

    assert tool_calls.can_be_made(calls or []) is can


# For clients that can only add.

DONE = Done("tool_calls")


def sent(*events: Delta | Snapshot) -> list[CallPiece]:
    said = Progressing()
    return [piece for event in events for piece in said.take(event).tool_calls]


@given(st.integers(0, len(PIECES)), st.integers(0, len(PIECES)))
def test_a_call_that_is_begun_again_is_sent_once(before, after):
    """Whatever was heard of it before the owner died, and of the new one at once."""
    said = Progressing()
    events: list[Delta | Snapshot] = [
        *(Delta(tool_calls=(piece,)) for piece in PIECES[:before]),
        Snapshot(),
        Snapshot(tool_calls=tool_calls.joined(PIECES[:after])),
        *(Delta(tool_calls=(piece,)) for piece in PIECES[after:]),
    ]
    news = [piece for event in events for piece in said.take(event).tool_calls]
    said.end(DONE)

    assert tool_calls.stored(tool_calls.joined(news)) == tool_calls.stored(WHOLE)
    assert [piece.id for piece in news if piece.id] == ["call_0", "call_1"]
    assert said.whole().tool_calls == tool_calls.of_stored(tool_calls.stored(WHOLE))


@pytest.mark.parametrize(
    "again",
    [
        CallPiece(0, "call_0", "time"),
        CallPiece(0, "call_9", "weather"),
        CallPiece(0, "call_0", "weather", '{"in": '),
    ],
)
def test_another_call_cannot_be_made_good(again):
    with pytest.raises(Rewound):
        sent(Delta(tool_calls=tuple(PIECES)), Snapshot(), Delta(tool_calls=(again,)))


def test_a_call_that_is_not_made_again_cannot_either():
    said = Progressing()
    said.take(Delta(tool_calls=(WEATHER,)))
    said.take(Snapshot())
    with pytest.raises(Rewound):
        said.end(DONE)
    said.end(Done("stopped"))
