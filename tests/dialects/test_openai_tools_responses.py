"""Tools in responses through OpenAI's client: called, streamed, resumed."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.reading import scripted

from .test_openai_responses import until
from .tools import BOTH, FLAT, arguments

RESPOND: dict[str, Any] = {"model": "scripted", "tools": FLAT}


class TestResponses:
    def test_a_whole_response(self, client):
        done = client.responses.create(**RESPOND, input="tools=2 n=1 pace=0")

        assert done.status == "completed"
        message, *calls = done.output
        assert message.content[0].text == "t0"
        assert [call.type for call in calls] == ["function_call"] * 2
        assert [(call.name, call.arguments) for call in calls] == BOTH
        assert all(call.call_id and call.status == "completed" for call in calls)
        assert [tool.name for tool in done.tools] == ["weather", "time"]
        assert (done.tool_choice, done.parallel_tool_calls) == ("auto", True)
        assert client.responses.retrieve(done.id) == done

    def test_a_stream_in_order(self, client):
        events = list(
            client.responses.create(**RESPOND, input="tools=2 pace=0.01", stream=True)
        )

        kinds = [event.type for event in events]
        merged = [k for at, k in enumerate(kinds) if k != kinds[at - 1] or not at]
        call = [
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
        ]
        begin = ["response.created", "response.in_progress"]
        assert merged == [*begin, *call, *call, "response.completed"]
        numbers = [event.sequence_number for event in events]
        assert numbers == sorted(set(numbers))
        done = [e for e in events if e.type == "response.function_call_arguments.done"]
        assert [event.arguments for event in done] == [a for _, a in BOTH]
        added = [e for e in events if e.type == "response.output_item.added"]
        assert [(e.output_index, e.item.arguments) for e in added] == [(0, ""), (1, "")]
        assert [i.call_id for i in events[-1].response.output] == [
            e.item.call_id for e in added
        ]

    def test_the_stream_helper(self, client):
        with client.responses.stream(
            model="scripted",
            tools=[{**FLAT[0], "strict": True}],
            input="tools=1 pace=0",
        ) as stream:
            done = stream.until_done().get_final_response()

        assert done.output[0].parsed_arguments == {"n": 0, "at": "北京 🙂"}

    def test_it_is_resumed_from_anywhere(self, client):
        done = client.responses.create(**RESPOND, input="think tools=2 n=2 pace=0")
        whole = list(client.responses.retrieve(done.id, stream=True))
        text = "".join(getattr(event, "delta", "") for event in whole)
        assert text.endswith(scripted(2) + arguments(0) + arguments(1))

        last = whole[-1].sequence_number
        for after in range(last + 1):
            rest = list(
                client.responses.retrieve(done.id, stream=True, starting_after=after)
            )
            assert all(event.sequence_number > after for event in rest)
            left = "".join(getattr(event, "delta", "") for event in rest)
            assert text.endswith(left)
            assert (after < last) == bool(rest)

    def test_in_the_background_it_is_resumed_in_a_call(self, client):
        began = client.responses.create(
            **RESPOND, input="tools=1 pace=0.05", background=True, stream=True
        )
        seen = []
        for event in began:
            seen.append(event)
            if event.type == "response.function_call_arguments.delta":
                break
        began.close()
        rest = client.responses.retrieve(
            seen[0].response.id,
            stream=True,
            starting_after=seen[-1].sequence_number,
        )
        said = "".join(getattr(event, "delta", "") for event in [*seen, *rest])

        assert said == arguments(0)

    def test_the_conversation_goes_on_with_what_the_tool_said(self, client):
        first = client.responses.create(**RESPOND, input="tools=2 pace=0")
        outputs = [
            {
                "type": "function_call_output",
                "call_id": item.call_id,
                "output": "prompt pace=0",
            }
            for item in first.output
        ]
        second = client.responses.create(
            **RESPOND, input=outputs, previous_response_id=first.id
        )

        assert '"roles": ["user", "assistant", "tool", "tool"]' in second.output_text

    def test_the_whole_conversation_as_input(self, client):
        first = client.responses.create(**RESPOND, input="think tools=2 n=1 pace=0")
        items = [
            {"role": "user", "content": "tools=2"},
            *(item.model_dump(exclude_none=True) for item in first.output),
            *(
                {
                    "type": "function_call_output",
                    "call_id": item.call_id,
                    "output": [{"type": "input_text", "text": "prompt pace=0"}],
                }
                for item in first.output
                if item.type == "function_call"
            ),
        ]
        second = client.responses.create(**RESPOND, input=items)

        assert '"roles": ["user", "assistant", "tool", "tool"]' in second.output_text

    def test_stopping_leaves_an_incomplete_call(self, client):
        begun = client.responses.create(
            **RESPOND, input="tools=1 hang=3 pace=0", background=True
        )
        until(client, begun.id, lambda found: found.output)
        client.responses.cancel(begun.id)
        ended = until(client, begun.id, lambda found: found.status == "cancelled")

        [call] = ended.output
        assert (call.type, call.status) == ("function_call", "incomplete")
        assert arguments(0).startswith(call.arguments)

    @pytest.mark.parametrize(
        ("choice", "calls"),
        [
            ("none", []),
            ({"type": "function", "name": "time"}, [("time", arguments(0))]),
        ],
    )
    def test_how_they_are_to_be_used(self, client, choice, calls):
        done = client.responses.create(
            **RESPOND, input="n=1 pace=0", tool_choice=choice
        )
        called = [item for item in done.output if item.type == "function_call"]

        assert [(call.name, call.arguments) for call in called] == calls
        assert json.loads(done.to_json())["tool_choice"] == choice

    def test_a_text_format_is_passed_on(self, client, site):
        form = {"type": "json_schema", "name": "x", "schema": {"type": "object"}}
        done = client.responses.create(
            model="remote", input="n=1", text={"format": form}
        )

        assert site.upstream.requests[-1]["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object"}},
        }
        shown = json.loads(done.to_json())["text"]["format"]
        assert shown == form

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"model": "plain"}, "tools"),
            (
                {"input": [{"type": "function_call_output", "output": "x"}]},
                "input.0.call_id",
            ),
            ({"input": [{"type": "function_call", "call_id": "x"}]}, "input.0.name"),
            ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ],
    )
    def test_what_it_refuses_it_names(self, once, body, param):
        with pytest.raises(openai.BadRequestError) as caught:
            once.responses.create(**{**RESPOND, "input": "x", **body})

        assert caught.value.param == param
