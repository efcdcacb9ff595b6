"""Tools in chats through OpenAI's client: offered, called, answered, streamed."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.reading import scripted, shown

from .tools import BOTH, TOOLS, arguments, tool

ASK: dict[str, Any] = {"model": "scripted", "tools": TOOLS}


def say(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def made(calls: Any) -> list[tuple[str, str]]:
    return [(call.function.name, call.function.arguments) for call in calls]


class TestChat:
    def test_a_whole_answer(self, client):
        done = client.chat.completions.create(**ASK, messages=say("tools=2 pace=0"))

        (choice,) = done.choices
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content is None
        assert made(choice.message.tool_calls) == BOTH
        assert [call.type for call in choice.message.tool_calls] == ["function"] * 2
        assert len({call.id for call in choice.message.tool_calls}) == 2

    def test_a_stream_in_order(self, client):
        chunks = list(
            client.chat.completions.create(
                **ASK, messages=say("tools=2 n=2 pace=0.01"), stream=True
            )
        )

        deltas = [chunk.choices[0].delta for chunk in chunks]
        assert "".join(delta.content or "" for delta in deltas) == scripted(2)
        pieces = [call for delta in deltas for call in delta.tool_calls or ()]
        heads = [piece for piece in pieces if piece.id]
        assert [(head.index, head.function.name) for head in heads] == [
            (0, "weather"),
            (1, "time"),
        ]
        assert all(head.type == "function" for head in heads)
        assert all(not piece.function.name for piece in pieces if not piece.id)
        assert [piece.index for piece in pieces] == sorted(
            piece.index for piece in pieces
        )
        assert len(pieces) > 4
        assert chunks[-1].choices[0].finish_reason == "tool_calls"

    def test_the_stream_helper(self, client):
        with client.chat.completions.stream(
            model="scripted",
            tools=[tool("weather", strict=True)],
            messages=say("tools=1 pace=0.01"),
        ) as stream:
            done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
            final = stream.get_final_completion()

        assert [(event.name, event.arguments) for event in done] == BOTH[:1]
        [call] = final.choices[0].message.tool_calls
        assert call.function.parsed_arguments == {"n": 0, "at": "北京 🙂"}

    async def test_the_async_client(self, site):
        async with openai.AsyncOpenAI(
            base_url=f"{site.url}/v1", api_key=site.key
        ) as client:
            done = await client.chat.completions.create(
                **ASK, messages=say("tools=1 pace=0")
            )

        assert made(done.choices[0].message.tool_calls) == BOTH[:1]

    def test_a_whole_turn_of_an_agent(self, client):
        """It calls, the tools answer, it says what came of it."""
        messages = say("tools=2 pace=0")
        first = client.chat.completions.create(**ASK, messages=messages)
        said = first.choices[0].message
        messages.append(said.model_dump(exclude_none=True))
        for call in said.tool_calls:
            content = [{"type": "text", "text": "prompt pace=0"}]
            messages.append(
                {"role": "tool", "tool_call_id": call.id, "content": content}
            )
        second = client.chat.completions.create(**ASK, messages=messages)

        assert second.choices[0].finish_reason == "stop"
        told = json.loads(second.choices[0].message.content)
        assert told["roles"] == ["user", "assistant", "tool", "tool"]
        assert told["params"]["tools"] == TOOLS

    @pytest.mark.parametrize(
        ("choice", "calls"),
        [
            ("none", []),
            ("auto", []),
            ("required", BOTH[:1]),
            (
                {"type": "function", "function": {"name": "time"}},
                [("time", arguments(0))],
            ),
        ],
    )
    def test_how_they_are_to_be_used(self, client, choice, calls):
        done = client.chat.completions.create(
            **ASK, messages=say("n=1 pace=0"), tool_choice=choice
        )

        assert made(done.choices[0].message.tool_calls or ()) == calls

    def test_they_are_passed_on(self, client, site):
        done = client.chat.completions.create(
            **{**ASK, "model": "remote"},
            messages=say("tools=2"),
            tool_choice="auto",
            parallel_tool_calls=True,
        )

        assert made(done.choices[0].message.tool_calls) == [
            ("weather", '{"n": 0}'),
            ("time", '{"n": 1}'),
        ]
        body = site.upstream.requests[-1]
        assert (body["tools"], body["tool_choice"]) == (TOOLS, "auto")
        assert body["parallel_tool_calls"] is True

    def test_what_breaks_off_in_a_call_is_asked_again(self, client, site):
        """The engine's connection breaks; the call comes once all the same."""
        site.upstream.misbehaved.clear()
        stream = client.chat.completions.create(
            **{**ASK, "model": "remote"},
            messages=say("tools=1 n=3 cut=5 once pace=0.01"),
            stream=True,
        )
        deltas = [chunk.choices[0].delta for chunk in stream]
        pieces = [call for delta in deltas for call in delta.tool_calls or ()]

        assert "".join(delta.content or "" for delta in deltas) == scripted(3)
        assert [piece.id for piece in pieces if piece.id] == ["call_0"]
        assert "".join(piece.function.arguments for piece in pieces) == '{"n": 0}'
        assert len(site.upstream.misbehaved) == 1

    def test_the_native_stream_shows_them(self, client, site):
        raw = client.chat.completions.with_raw_response.create(
            **ASK, messages=say("tools=1 pace=0")
        )
        name = raw.headers["x-generation-id"]
        call = raw.parse().choices[0].message.tool_calls[0]
        page = shown(site.get(f"/api/generations/{name}/stream").content)
        row = site.generation(name)
        path = site.get(f"/api/conversations/{row['conversation']}/messages").json()

        assert page.said.tool_calls[0].id == call.id
        assert page.end.finish_reason == "tool_calls"
        assert row["tool_calls"] == path["items"][-1]["tool_calls"]
        assert row["tool_calls"][0]["function"]["arguments"] == arguments(0)

    CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"tools": TOOLS}, "tools"),
            ({"tool_choice": "required"}, "tool_choice"),
            ({"parallel_tool_calls": False}, "parallel_tool_calls"),
            (
                {"messages": [{"role": "assistant", "tool_calls": [CALL]}, *say("x")]},
                "messages.0.tool_calls",
            ),
            (
                {"messages": [*say("x"), {"role": "tool", "tool_call_id": "1"}]},
                "messages.1.tool_call_id",
            ),
        ],
    )
    def test_an_engine_that_cannot_is_not_asked(self, once, body, param):
        with pytest.raises(openai.BadRequestError) as caught:
            once.chat.completions.create(
                **{"model": "plain", "messages": say("x"), **body}
            )

        assert caught.value.param == param

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0.type"),
            (
                {"tools": [{"type": "function", "function": {}}]},
                "tools.0.function.name",
            ),
            ({"tools": [tool("f", parameters={"x": "y" * 200_000})]}, "tools"),
            ({"tools": TOOLS * 65}, "tools"),
            (
                {"tool_choice": {"type": "function", "function": {"name": "x"}}},
                "tool_choice",
            ),
            ({"tool_choice": "sometimes"}, "tool_choice"),
            ({"tools": None, "tool_choice": "required"}, "tool_choice"),
            ({"messages": [*say("x"), {"role": "tool"}]}, "messages.1.tool_call_id"),
            (
                {"messages": [{"role": "assistant", "function_call": {"name": "f"}}]},
                "messages.0.function_call",
            ),
            ({"messages": [{"role": "function", "name": "f"}]}, "messages.0.role"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_what_it_refuses_it_names(self, once, body, param):
        with pytest.raises(openai.BadRequestError) as caught:
            once.chat.completions.create(**{**ASK, "messages": say("x"), **body})

        assert caught.value.param == param
