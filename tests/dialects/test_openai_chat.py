"""`/v1/chat/completions` through the real client: answers and streams."""

from __future__ import annotations

import base64
import json

import httpx
import openai
import pytest

from chat.engines.scripts import CHINESE, EMOJI
from tests.dialects.openai_chat import ASK, frames, say
from tests.reading import scripted


def test_a_whole_answer(client):
    done = client.chat.completions.create(**ASK, messages=say("n=5 pace=0"))

    assert done.object == "chat.completion"
    assert done.id.startswith("chatcmpl-")
    assert done.model == "scripted"
    (choice,) = done.choices
    assert (choice.message.role, choice.message.content) == ("assistant", scripted(5))
    assert (choice.finish_reason, choice.logprobs) == ("stop", None)
    assert done.usage.prompt_tokens == 3
    assert done.usage.completion_tokens == 5
    assert done.usage.total_tokens == 8


def test_a_stream_in_order(client):
    chunks = list(
        client.chat.completions.create(
            **ASK,
            messages=say("n=5 pace=0.01"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert len({chunk.id for chunk in chunks}) == 1
    first, *middle, last, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    assert first.choices[0].delta.content == ""
    assert "".join(c.choices[0].delta.content for c in middle) == scripted(5)
    assert all(chunk.choices[0].delta.role is None for chunk in middle)
    assert all(chunk.choices[0].finish_reason is None for chunk in middle)
    assert last.choices[0].finish_reason == "stop"
    assert last.choices[0].delta.content is None
    assert (usage.choices, usage.usage.completion_tokens) == ([], 5)
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_without_include_usage_there_is_none(client):
    chunks = client.chat.completions.create(
        **ASK, messages=say("n=2 pace=0"), stream=True
    )

    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_the_wire_has_what_clients_can_take(site):
    lines = frames(site, {"messages": say("n=3 hang=2 pace=0")}, pings=2)

    said = [line for line in lines if line.startswith(b"data: ")]
    assert said[-1] == b"data: [DONE]"
    assert not any(line.startswith((b"id:", b"event:", b"retry:")) for line in lines)
    # Heartbeats are there, and none is followed by a blank line but before data.
    pings = [at for at, line in enumerate(lines) if line.startswith(b":")]
    assert len(pings) >= 2
    assert all(lines[at + 1] != b"" for at in pings)
    assert json.loads(said[0][6:])["object"] == "chat.completion.chunk"


def test_heartbeats_do_not_disturb_the_client(client):
    chunks = client.chat.completions.create(
        **ASK, messages=say("n=3 pace=0.7"), stream=True
    )

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == scripted(3)


@pytest.mark.parametrize(("word", "text"), [("zh", CHINESE), ("emoji", EMOJI)])
def test_chinese_and_emoji(client, word, text):
    prompt = say(f"{word} pace=0")
    done = client.chat.completions.create(**ASK, messages=prompt)
    chunks = client.chat.completions.create(**ASK, messages=prompt, stream=True)

    assert done.choices[0].message.content == text
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == text


def test_whatever_a_text_holds(client):
    text = 'a\n\ndata: [DONE]\n\n\\n"\u2028\r\n: ping\n {}</script>'
    coded = base64.urlsafe_b64encode(text.encode()).decode()
    chunks = client.chat.completions.create(
        **ASK, messages=say(f"say={coded} pace=0"), stream=True
    )

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == text


def test_reasoning_has_its_own_field(client):
    prompt = say("think n=2 pace=0")
    done = client.chat.completions.create(**ASK, messages=prompt)
    chunks = list(client.chat.completions.create(**ASK, messages=prompt, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]

    thought = " ".join(f"r{index}" for index in range(8))
    assert done.choices[0].message.reasoning_content == thought
    assert "".join(getattr(d, "reasoning_content", "") for d in deltas) == thought
    assert "".join(d.content or "" for d in deltas) == scripted(2)


def test_the_stream_helper(client):
    with client.chat.completions.stream(
        **ASK, messages=say("n=5 pace=0.01"), stream_options={"include_usage": True}
    ) as stream:
        text = "".join(e.delta for e in stream if e.type == "content.delta")
        done = stream.get_final_completion()

    assert text == done.choices[0].message.content == scripted(5)
    assert done.usage.completion_tokens == 5


async def test_the_async_client(site):
    async with openai.AsyncOpenAI(
        base_url=f"{site.url}/v1", api_key=site.key
    ) as client:
        stream = await client.chat.completions.create(
            **ASK, messages=say("n=5 pace=0"), stream=True
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in stream]
        done = await client.chat.completions.create(**ASK, messages=say("n=5 pace=0"))

    assert "".join(said) == done.choices[0].message.content == scripted(5)


def test_headers_name_request_and_generation(client, site):
    raw = client.chat.completions.with_raw_response.create(
        **ASK, messages=say("n=2 pace=0"), extra_headers={"X-Request-Id": "mine-1"}
    )

    assert raw.headers["x-request-id"] == raw.request_id == "mine-1"
    row = site.generation(raw.headers["x-generation-id"])
    assert (row["status"], row["text"]) == ("done", scripted(2))
    assert raw.parse().id == f"chatcmpl-{row['id'].replace('-', '')}"


def test_its_own_history_reaches_the_engine(client):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": "one", "name": "alice"},
        {"role": "assistant", "content": "two"},
        {"role": "tool", "tool_call_id": "1", "content": "three"},
        {"role": "user", "content": [{"type": "text", "text": "prompt pace=0"}]},
    ]
    done = client.chat.completions.create(**ASK, messages=messages, temperature=0.3)

    told = json.loads(done.choices[0].message.content)
    assert told["roles"] == ["system", "user", "assistant", "tool", "user"]
    assert told["system"] == "Be brief.\n\nBe kind."
    assert told["params"]["temperature"] == 0.3


def test_models(client, once):
    models = list(client.models.list())

    assert [model.id for model in models] == [
        *("scripted", "remote", "plain"),
        "scripted-image",
    ]
    assert client.models.retrieve("scripted").object == "model"
    with pytest.raises(openai.NotFoundError):
        once.models.retrieve("org/nothing")


def test_headers_come_before_the_first_token(site):
    """Without them, clients would ask again when the connection is lost."""
    with httpx.stream(
        "POST",
        f"{site.url}/v1/chat/completions",
        json={**ASK, "stream": True, "messages": say("hang=0")},
        headers=site.headers,
        timeout=60,
    ) as response:
        first = next(response.iter_raw())
        name = response.headers["x-generation-id"]

    assert first.startswith(b": ")
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in response.headers
    site.post(f"/api/generations/{name}/stop", {})
