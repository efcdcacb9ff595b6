"""Messages between processes: whole, in order, whatever pieces they come in."""

from __future__ import annotations

import asyncio
import pickle
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engines.base import (
    Chunk,
    Drawn,
    EngineError,
    EngineLost,
    EngineRequest,
    Finished,
    ModelInfo,
    ModelState,
    Params,
    Progress,
    Prompted,
    Stepped,
)
from chat.engines.process.pipe import (
    HEAD,
    Alive,
    Ask,
    Build,
    Do,
    Done,
    Drop,
    Failure,
    Guessed,
    Logged,
    Message,
    Over,
    Pipe,
    Told,
)

REQUEST = EngineRequest(
    "id",
    "model",
    [{"role": "user", "content": "你好 🙂"}],
    Params(stop=("a", "b"), tools=[{"type": "function"}], size=(64, 64)),
    Progress("said", "thought", (1, 2), 2),
    "00-trace-01",
)
MESSAGES: list[Message] = [
    Build("module:name", {"info": ModelInfo("m", "M", can=frozenset({"tools"}))}),
    Do("measure"),
    Ask(REQUEST),
    Drop("id"),
    Done(7, Failure("out_of_memory", "No room.", True)),
    Told(ModelState("downloading", "…", 3, 7, 1, 2), (ModelInfo("m", "M"),)),
    Logged("chat", 30, "a line"),
    Guessed("lookup", 5, 3),
    Alive(),
    [("a", Prompted(3)), ("b", Chunk("x", "y", 1, (5,))), ("a", Over())],
    [("c", Stepped(1, 2, b"\0")), ("c", Drawn(b"\1", "image/png", 8, 8))],
    [("d", Finished("stop", 1, 2)), ("d", Over(Failure("", "KeyError: 1")))],
]


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def end(heard: list[Message] | None = None, wire: Any = None) -> Pipe:
    into: list[Message] = [] if heard is None else heard
    pipe = Pipe(into.append, lambda: into.append(Alive()))
    pipe.connection_made(wire or Wire())
    return pipe


def written(*messages: Message) -> bytes:
    wire = Wire()
    pipe = end(wire=wire)
    for message in messages:
        pipe.send(message)
    return wire.written


@given(st.data())
def test_it_hears_what_was_sent_in_whatever_pieces(data: st.DataObject) -> None:
    whole = written(*MESSAGES)
    places = st.lists(st.integers(0, len(whole)), max_size=12)
    cuts = sorted({0, len(whole), *data.draw(places)})
    heard: list[Message] = []
    pipe = end(heard)
    for begin, until in pairwise(cuts):
        pipe.data_received(whole[begin:until])
    assert heard == MESSAGES


def test_byte_by_byte() -> None:
    heard: list[Message] = []
    pipe = end(heard)
    for byte in written(*MESSAGES[:4]):
        pipe.data_received(bytes([byte]))
    assert heard == MESSAGES[:4]


def test_half_a_message_is_no_message() -> None:
    heard: list[Message] = []
    end(heard).data_received(written(Ask(REQUEST))[:-1])
    assert heard == []


def test_a_message_stands_behind_its_length() -> None:
    raw = written(Alive())
    assert HEAD.unpack(raw[: HEAD.size]) == (len(raw) - HEAD.size,)
    assert pickle.loads(raw[HEAD.size :]) == Alive()


def test_to_nobody_nothing_is_sent() -> None:
    wire = Wire()
    pipe = end(wire=wire)
    pipe.close()
    pipe.send(Alive())
    Pipe(lambda _message: None, lambda: None).send(Alive())  # nor before it is there
    assert wire.written == b""


async def test_who_waits_to_write_goes_on_when_the_other_end_is_gone() -> None:
    heard: list[Message] = []
    pipe = end(heard)
    pipe.pause_writing()
    assert not pipe.writable.is_set()
    waiting = asyncio.create_task(pipe.writable.wait())
    pipe.connection_lost(None)
    assert await waiting
    assert heard == [Alive()]  # it says so


@pytest.mark.parametrize(
    "error",
    [
        EngineError("invalid_params", "stop: at most 16 strings."),
        EngineError("not_ready", "It is loading.", retryable=True),
        EngineLost("engine_restarted", "The worker was restarted."),
    ],
)
def test_an_engines_error_arrives_as_it_was(error: EngineError) -> None:
    again = pickle.loads(pickle.dumps(Failure.of(error))).error()
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_what_nobody_thought_of_keeps_its_name() -> None:
    again = Failure.of(KeyError("x")).error()
    assert type(again) is RuntimeError
    assert str(again) == "KeyError: 'x'"
