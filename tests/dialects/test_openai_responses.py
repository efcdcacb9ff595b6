"""`/v1/responses` through the real client: also in the background, and resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from chat.engines.scripts import CHINESE
from tests.reading import scripted

ASK: dict[str, Any] = {"model": "scripted"}
REASONING = " ".join(f"r{index}" for index in range(8))


def until(
    client: openai.OpenAI, name: str, look: Callable[[Any], Any], within: float = 60
) -> Any:
    """The response once that is true of it."""
    deadline = time.monotonic() + within
    while not look(found := client.responses.retrieve(name)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_a_whole_response(client):
    done = client.responses.create(
        **ASK,
        input="n=5 pace=0",
        instructions="Be brief.",
        metadata={"a": "b"},
        max_output_tokens=50,
        temperature=0.5,
    )

    assert (done.object, done.status, done.error) == ("response", "completed", None)
    assert done.output_text == scripted(5)
    assert [item.type for item in done.output] == ["message"]
    assert (done.usage.output_tokens, done.usage.input_tokens) == (5, 6)
    assert (done.instructions, done.metadata) == ("Be brief.", {"a": "b"})
    assert (done.max_output_tokens, done.temperature) == (50, 0.5)
    assert client.responses.retrieve(done.id) == done


def test_a_stream_in_order(client):
    events = list(
        client.responses.create(**ASK, input="think n=3 pace=0.01", stream=True)
    )

    kinds = [event.type for event in events]
    merged = [k for at, k in enumerate(kinds) if k != kinds[at - 1] or not at]
    item = ["response.output_item.added", "response.content_part.added"]
    end = ["response.content_part.done", "response.output_item.done"]
    assert merged == [
        *("response.created", "response.in_progress"),
        *(*item, "response.reasoning_text.delta", "response.reasoning_text.done", *end),
        *(*item, "response.output_text.delta", "response.output_text.done", *end),
        "response.completed",
    ]
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))
    done = events[-1].response
    assert done.output_text == scripted(3)
    assert done.output[0].content[0].text == REASONING
    assert done.usage.output_tokens == 11


def test_the_stream_helper(client):
    with client.responses.stream(**ASK, input="zh pace=0") as stream:
        text = "".join(
            e.delta for e in stream if e.type == "response.output_text.delta"
        )
        done = stream.get_final_response()

    assert text == done.output_text == CHINESE


async def test_the_async_client(site):
    async with openai.AsyncOpenAI(
        base_url=f"{site.url}/v1", api_key=site.key
    ) as client:
        done = await client.responses.create(**ASK, input="n=3 pace=0")
        stream = await client.responses.create(**ASK, input="n=3 pace=0", stream=True)
        last = [event async for event in stream][-1]

    assert done.output_text == last.response.output_text == scripted(3)


def test_in_the_background(client):
    begun = client.responses.create(**ASK, input="n=5 pace=0.05", background=True)
    assert begun.status in ("queued", "in_progress")
    assert (begun.background, begun.output, begun.usage) == (True, [], None)

    done = until(client, begun.id, lambda found: found.status == "completed")
    assert done.output_text == scripted(5)
    assert done.background is True


def test_a_background_stream_is_resumed_exactly(client):
    began = client.responses.create(
        **ASK, input="think n=12 pace=0.03", background=True, stream=True
    )
    seen = []
    for event in began:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    began.close()
    assert [event.type for event in seen[:3]] == [
        *("response.created", "response.queued", "response.in_progress")
    ]

    name = seen[0].response.id
    rest = list(
        client.responses.retrieve(
            name, stream=True, starting_after=seen[-1].sequence_number
        )
    )
    assert rest[0].sequence_number > seen[-1].sequence_number
    text = "".join(
        event.delta
        for event in [*seen, *rest]
        if event.type == "response.output_text.delta"
    )
    assert text == scripted(12)
    assert rest[-1].type == "response.completed"


def test_after_its_end_it_is_resumed_from_anywhere(client):
    done = client.responses.create(**ASK, input="think n=6 pace=0")
    whole = list(client.responses.retrieve(done.id, stream=True))
    text = "".join(getattr(event, "delta", "") for event in whole)
    assert text == REASONING + scripted(6)

    last = whole[-1].sequence_number
    for after in range(last + 1):
        rest = list(
            client.responses.retrieve(done.id, stream=True, starting_after=after)
        )
        assert all(event.sequence_number > after for event in rest)
        left = "".join(getattr(event, "delta", "") for event in rest)
        assert text.endswith(left)
        assert (after < last) == bool(rest)


def test_cancelling_keeps_what_was_written(client):
    ask = {**ASK, "input": "n=500 hang=5 pace=0"}
    begun = client.responses.create(**ask, background=True)
    until(client, begun.id, lambda found: found.output_text == scripted(5))
    client.responses.cancel(begun.id)  # it does not wait for ever for the end
    ended = until(client, begun.id, lambda found: found.status == "cancelled")
    again = client.responses.cancel(begun.id)

    assert again == ended
    assert ended.output_text == scripted(5)
    assert client.responses.retrieve(begun.id).output_text == ended.output_text


def test_a_bound_makes_it_incomplete(client):
    done = client.responses.create(**ASK, input="n=9 pace=0", max_output_tokens=4)
    stream = client.responses.create(
        **ASK, input="n=9 pace=0", max_output_tokens=4, stream=True
    )

    assert (done.status, done.output_text) == ("incomplete", scripted(4))
    assert done.incomplete_details.reason == "max_output_tokens"
    assert list(stream)[-1].type == "response.incomplete"


def test_a_failure_is_a_failed_response(client):
    failed = client.responses.create(**ASK, input="fail=2 n=5 pace=0")
    events = list(
        client.responses.create(**ASK, input="fail=2 n=5 pace=0", stream=True)
    )

    assert (failed.status, failed.error.code) == ("failed", "server_error")
    assert failed.error.message == "The script says fail."
    assert failed.output_text == scripted(2)
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message == "The script says fail."


def test_a_conversation_goes_on(client):
    first = client.responses.create(**ASK, input="n=2 pace=0", instructions="Hm.")
    second = client.responses.create(
        **ASK, input="prompt pace=0", previous_response_id=first.id
    )

    assert '"roles": ["system", "user", "assistant", "user"]' in second.output_text
    assert second.previous_response_id == first.id


def test_input_items(client):
    done = client.responses.create(
        **ASK,
        input=[
            {"role": "developer", "content": "Be brief."},
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "one"}],
            },
            {
                "type": "message",
                "role": "assistant",
                "id": "msg_1",
                "status": "completed",
                "content": [{"type": "output_text", "text": "two", "annotations": []}],
            },
            {"role": "user", "content": "prompt pace=0"},
        ],
    )

    assert '"roles": ["system", "user", "assistant", "user"]' in done.output_text


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "web_search_preview"}]}, "tools.0.type"),
        ({"tools": [{"type": "function"}]}, "tools.0.name"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"moderation": {"model": "x"}}, "moderation"),
        ({"background": True, "store": False}, "background"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format"),
        (
            {"model": "plain", "text": {"format": {"type": "json_object"}}},
            "text.format",
        ),
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0.type"),
        ({"max_output_tokens": 10_000_000}, "max_output_tokens"),
        ({"conversation": "conv_1"}, "conversation"),
    ],
)
def test_what_it_refuses_it_names(once, body, param):
    with pytest.raises(openai.BadRequestError) as caught:
        once.responses.create(**{**ASK, "input": "x", **body})

    assert caught.value.param == param


def test_what_is_not_ours_is_not_there(once, site):
    mine = once.responses.create(**ASK, input="n=1 pace=0")
    with (
        openai.OpenAI(
            base_url=f"{site.url}/v1", api_key=site.bobs_key, max_retries=0
        ) as bob,
    ):
        for call in (
            bob.responses.retrieve,
            bob.responses.cancel,
            bob.responses.delete,
        ):
            with pytest.raises(openai.NotFoundError):
                call(mine.id)
    with pytest.raises(openai.NotFoundError):
        once.responses.retrieve("resp_nothing")
    with pytest.raises(openai.NotFoundError):
        once.responses.create(**ASK, input="x", previous_response_id="resp_1")


def test_deleting(once, site):
    done = once.responses.create(**ASK, input="n=1 pace=0")
    url = f"{site.url}/v1/responses/{done.id}"
    answer = httpx.delete(url, headers=site.headers, timeout=60)
    assert answer.json() == {"id": done.id, "object": "response", "deleted": True}

    with pytest.raises(openai.NotFoundError):
        once.responses.retrieve(done.id)


def test_what_is_not_stored_cannot_be_read_again(once):
    done = once.responses.create(**ASK, input="n=3 pace=0", store=False)

    assert (done.output_text, done.store) == (scripted(3), False)
    with pytest.raises(openai.NotFoundError):
        once.responses.retrieve(done.id)
