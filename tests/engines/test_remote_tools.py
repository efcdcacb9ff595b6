"""Tool calls of engines behind HTTP, each of which streams them in its own way."""

from __future__ import annotations

import pytest
import pytest_asyncio

from chat.engines.base import EngineLost, Params
from chat.engines.remote.config import RemoteModel, from_url
from chat.engines.remote.payload import fit
from chat.events import Delta, join
from chat.tool_calls import CallPiece
from tests.engines.helpers import Answer, collect
from tests.engines.remote import ask, started, upstream, url
from tests.engines.test_remote_failover import native

__all__ = ["upstream", "url"]


def tool(name: str) -> dict[str, object]:
    parameters = {"type": "object", "properties": {"n": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("weather"), tool("time")]


def calls_in(answer: Answer) -> list[CallPiece]:
    whole = join([Delta(tool_calls=chunk.tool_calls) for chunk in answer.chunks])
    return list(whole.tool_calls)


def called(*names: str, ids: str = "call_{}") -> list[CallPiece]:
    return [
        CallPiece(place, ids.format(place), name, f'{{"n": {place}}}')
        for place, name in enumerate(names)
    ]


@pytest_asyncio.fixture
async def engine(url):
    async with started(from_url(url, None, "bench")) as engine:
        yield engine


async def test_what_is_offered_reaches_the_engine(engine, upstream):
    choice = {"type": "function", "function": {"name": "time"}}
    asked = ask("n=1", tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)
    await collect(engine, asked)

    (body,) = upstream.requests
    assert (body["tools"], body["tool_choice"]) == (TOOLS, choice)
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    "how",
    ["", "same", "repeat", "repeat same", "object", "plainjson object", "saysstop"],
)
async def test_calls_however_they_are_streamed(engine, how):
    answer = await collect(engine, ask(f"tools=2 {how}", tools=TOOLS))

    assert calls_in(answer) == called("weather", "time")
    assert answer.text == ""
    assert answer.finished.finish_reason == "tool_calls"


async def test_calls_without_ids_get_some(engine):
    answer = await collect(engine, ask("tools=2 noid", tools=TOOLS))

    assert calls_in(answer) == called("weather", "time", ids="call_1.1_{}")


async def test_text_may_come_first(engine):
    answer = await collect(engine, ask("tools=1 n=3", tools=TOOLS))

    assert answer.text == "t0 t1 t2"
    assert calls_in(answer) == called("weather")


async def test_a_call_that_breaks_off_is_lost_and_not_asked_again(engine, upstream):
    answer = Answer()

    async def read():
        async for event in engine.stream(ask("tools=1 cut=2", tools=TOOLS)):
            answer.events.append(event)

    with pytest.raises(EngineLost):
        await read()

    assert calls_in(answer) == [CallPiece(0, "call_0", "weather", '{"n"')]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("incremental", [True, False])
async def test_dashscope_upstream(url, upstream, incremental):
    async with started(native(url, incremental=incremental)) as engine:
        asked = ask("tools=2 n=2", tools=TOOLS, tool_choice="auto")
        answer = await collect(engine, asked)

    assert answer.text == "t0 t1"
    assert calls_in(answer) == called("weather", "time")
    assert answer.finished.finish_reason == "tool_calls"
    parameters = upstream.requests[0]["parameters"]
    assert (parameters["tools"], parameters["tool_choice"]) == (TOOLS, "auto")


async def test_what_tools_said_reaches_the_engine(engine, upstream):
    call = {
        "id": "call_0",
        "type": "function",
        "function": {"name": "weather", "arguments": "{}"},
    }
    history = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "rain", "tool_call_id": "call_0"},
    ]
    request = ask("n=1")
    object.__setattr__(request, "messages", history)
    await collect(engine, request)

    assert upstream.requests[0]["messages"] == history


def test_a_turn_with_its_tools_is_never_cut_in_half():
    turn = [
        {"role": "user", "content": "x" * 400},
        {"role": "assistant", "content": "y" * 400},
        {"role": "tool", "content": "z" * 400, "tool_call_id": "1"},
    ]
    request = ask("n=1")
    object.__setattr__(request, "messages", [*turn, *turn])

    assert fit(request, Params(max_tokens=10), 320) == turn
    assert fit(request, Params(max_tokens=10), 10) == turn
    assert fit(request, Params(max_tokens=10), 10_000) == [*turn, *turn]


def test_what_a_model_can_is_its_own_or_its_engines(url):
    where = from_url(url, None, None)
    assert set(where.can) == {"json", "tools", "penalties", "logit_bias"}
    assert RemoteModel(id="x", can=("json",)).can == ("json",)
