"""Text for clients that can only add, over takeovers of every kind."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.api.dashscope.frames import Frames
from chat.api.forward import Forward, Rewound
from chat.api.openai.chunks import ChatChunks
from chat.events import Delta, Done, Failed, Snapshot, Started
from chat.sse import Decoder
from chat.tape import SPAN

TEXT = st.text(alphabet="ab ", max_size=12)


@given(TEXT, st.lists(st.integers(0, 12), max_size=4), st.integers(1, 4))
def test_rewinding_and_saying_the_same_again_sends_everything_once(text, back, size):
    forward, sent, at = Forward(), "", 0
    for to in [*back, None]:
        if to is not None and to <= at:
            at = to
            sent += forward.replace(text[:at])
        while at < len(text) and (to is None or at < to):
            piece = text[at : at + size]
            sent += forward.add(piece)
            at += len(piece)

    assert sent == forward.whole() == text


def test_a_snapshot_may_be_ahead():
    forward = Forward()

    assert forward.add("ab") == "ab"
    assert forward.replace("abcd") == "cd"
    assert forward.add("e") == "e"
    assert forward.whole() == "abcde"


@pytest.mark.parametrize("text", ["ax", "x", "abx"])
def test_another_text_cannot_be_made_good(text):
    forward = Forward()
    forward.add("abc")
    with pytest.raises(Rewound):
        forward.replace(text)


def test_saying_something_else_after_rewinding_cannot_either():
    forward = Forward()
    forward.add("abc")
    assert forward.replace("a") == ""
    assert forward.add("b") == ""
    with pytest.raises(Rewound):
        forward.add("x")


START = Started("g", "c", "u", "m", "scripted", 1)
AGAIN = Started("g", "c", "u", "m", "scripted", 2)
TAKEN_OVER = [
    (1, START),
    (SPAN + 1, Delta("one ", "", 1)),
    (SPAN + 2, Delta("two ", "", 1)),
    (2 * SPAN, Snapshot("one ")),
    (2 * SPAN + 1, AGAIN),
    (2 * SPAN + 2, Delta("two three", "", 2)),
    (
        2 * SPAN + 3,
        Done("stop", {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}),
    ),
]


def test_a_chat_stream_survives_a_takeover():
    chunks = ChatChunks("chatcmpl-1", "scripted", 1, include_usage=False)
    data = [frame.data for frame in Decoder().feed(chunks.encode(TAKEN_OVER))]
    said = [json.loads(one)["choices"][0]["delta"] for one in data[:-1]]

    assert "".join(delta.get("content", "") for delta in said) == "one two three"
    assert [delta.get("role") for delta in said].count("assistant") == 1
    assert data[-1] == "[DONE]"


@pytest.mark.parametrize("incremental", [True, False])
def test_a_dashscope_stream_survives_a_takeover(incremental):
    frames = Frames("r", message=False, incremental=incremental)
    data = [f.data for f in Decoder().feed(frames.encode(TAKEN_OVER)) if f.data]
    said = [json.loads(one)["output"]["text"] for one in data]

    assert ("".join(said) if incremental else said[-1]) == "one two three"


def test_errors_have_no_done():
    chunks = ChatChunks("chatcmpl-1", "scripted", 1, include_usage=True)
    failed = Failed("engine_failed", "It fell over.", retryable=True)
    data = chunks.encode([(1, START), (SPAN + 1, failed)])

    assert data.endswith(b"}}\n\n")
    assert b"[DONE]" not in data
    last = list(Decoder().feed(data))[-1]
    assert last.event == "message"
    assert json.loads(last.data)["error"]["code"] == "engine_failed"
