"""What an engine said while nobody read is passed on in few events."""

from __future__ import annotations

import json
from typing import Any

from chat.engines.base import Chunk, EngineRequest, Params, Progress
from chat.engines.remote.answer import OpenAIAnswer
from chat.sse import Frame


def answer() -> OpenAIAnswer:
    asked: Any = [{"role": "user", "content": "hi"}]
    return OpenAIAnswer(EngineRequest("1", "m", asked, Params(), Progress()))


def frame(**delta: Any) -> Frame:
    return Frame(data=json.dumps({"choices": [{"index": 0, "delta": delta}]}))


def call(name: str) -> dict[str, Any]:
    return {"index": 0, "id": "c", "function": {"name": name, "arguments": "{}"}}


def chunks(*frames: Frame) -> list[Chunk]:
    events, trouble = answer().take_all(frames)
    assert trouble is None
    return [event for event in events if isinstance(event, Chunk)]


def test_it_joins_text_and_adds_its_tokens() -> None:
    said = chunks(frame(content="a"), frame(content="b"), frame(content="你"))

    assert said == [Chunk("ab你", tokens=3)]


def test_it_keeps_reasoning_in_front_of_text() -> None:
    said = chunks(
        *(frame(reasoning_content=part) for part in "ab"),
        *(frame(content=part) for part in "cd"),
    )

    assert said == [Chunk(reasoning="ab", tokens=2), Chunk("cd", tokens=2)]


def test_it_leaves_tool_calls_apart() -> None:
    said = chunks(frame(content="a"), frame(tool_calls=[call("f")]), frame(content="b"))

    assert [chunk.text for chunk in said[:1]] == ["a"]
    assert [len(chunk.tool_calls) for chunk in said] == [0, 1, 0][: len(said)]


def test_it_gives_what_came_before_an_error() -> None:
    broken = Frame(data='{"error": {"message": "out of memory"}}')

    events, trouble = answer().take_all([frame(content="a"), broken])

    assert events[-1] == Chunk("a", tokens=1)
    assert "out of memory" in str(trouble)
