"""Tools through DashScope's own SDK, and raw where that hides the frames."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dashscope import Generation

from tests.reading import scripted

from .test_dashscope import raw, results, say, sdk
from .tools import TOOLS, arguments

__all__ = ["sdk"]
ASK: dict[str, Any] = {
    "model": "scripted",
    "tools": TOOLS,
    "result_format": "message",
}
BOTH = [("weather", arguments(0)), ("time", arguments(1))]


def made(calls: Any) -> list[tuple[str, str]]:
    return [(c["function"]["name"], c["function"]["arguments"]) for c in calls]


def test_a_whole_answer():
    done = Generation.call(**ASK, messages=say("tools=2 n=1 pace=0"))

    (choice,) = done.output.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "t0"
    assert made(choice.message.tool_calls) == BOTH
    assert [call["type"] for call in choice.message.tool_calls] == ["function"] * 2


@pytest.mark.parametrize("incremental", [True, False])
def test_a_stream(incremental):
    frames = list(
        Generation.call(
            **ASK,
            messages=say("tools=2 n=2 pace=0.005"),
            stream=True,
            incremental_output=incremental,
        )
    )

    choices = [frame.output.choices[0] for frame in frames]
    assert [choice.finish_reason for choice in choices][-1] == "tool_calls"
    if incremental:
        text = "".join(choice.message.content for choice in choices)
        pieces = [c for choice in choices for c in choice.message.get("tool_calls", [])]
        assert [piece["id"] != "" for piece in pieces].count(True) == 2
        said = ["", ""]
        for piece in pieces:
            said[piece["index"]] += piece["function"]["arguments"]
        assert said == [arguments(0), arguments(1)]
    else:
        text = choices[-1].message.content
        assert made(choices[-1].message.tool_calls) == BOTH
    assert text == scripted(2)


def test_all_calls_so_far_are_the_default_of_a_stream(site):
    lines = raw(
        site,
        {
            "input": {"messages": say("tools=2 pace=0.005")},
            "parameters": {"result_format": "message", "tools": TOOLS},
        },
    )
    messages = [r["output"]["choices"][0]["message"] for r in results(lines)]
    said = [json.dumps(made(message["tool_calls"])) for message in messages]

    assert made(messages[-1]["tool_calls"]) == BOTH
    assert said == sorted(said, key=len)


def test_a_whole_turn_of_an_agent():
    messages = say("tools=1 pace=0")
    first = Generation.call(**ASK, messages=messages)
    said = first.output.choices[0].message
    call = said.tool_calls[0]
    messages += [
        {"role": "assistant", "content": "", "tool_calls": said.tool_calls},
        {"role": "tool", "content": "n=3 pace=0", "tool_call_id": call["id"]},
    ]
    second = Generation.call(**ASK, messages=messages)

    assert second.output.choices[0].message.content == scripted(3)


def test_what_is_asked_of_the_engine(site):
    form = {"type": "json_object"}
    done = Generation.call(
        **{**ASK, "model": "remote"},
        messages=say("tools=1"),
        tool_choice={"type": "function", "function": {"name": "time"}},
        parallel_tool_calls=False,
        response_format=form,
    )

    assert made(done.output.choices[0].message.tool_calls) == [("weather", '{"n": 0}')]
    body = site.upstream.requests[-1]
    assert body["tools"] == TOOLS
    assert body["tool_choice"]["function"] == {"name": "time"}
    assert (body["parallel_tool_calls"], body["response_format"]) == (False, form)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"model": "plain"}, "parameters.tools"),
        ({"result_format": "text"}, "parameters.result_format"),
        ({"tools": None, "tool_choice": "required"}, "parameters.tool_choice"),
        ({"logprobs": True}, "parameters.logprobs"),
        (
            {
                "model": "plain",
                "tools": None,
                "response_format": {"type": "json_object"},
            },
            "parameters.response_format",
        ),
    ],
)
def test_what_it_refuses_it_names(more, field):
    failed = Generation.call(**{**ASK, "messages": say("x"), **more})

    assert (failed.status_code, failed.code) == (400, "InvalidParameter.NotSupported")
    assert failed.message.startswith(f"{field}: ")
