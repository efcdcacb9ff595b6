"""`/v1/chat/completions` through the real client."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import openai
import pytest

from chat.engines.scripts import CHINESE, EMOJI
from tests.reading import scripted

ASK: dict[str, Any] = {"model": "scripted"}


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def frames(site, body: dict[str, Any]) -> list[bytes]:
    """The raw lines of a stream."""
    with httpx.stream(
        "POST",
        f"{site.url}/v1/chat/completions",
        json={**ASK, "stream": True, **body},
        headers=site.headers,
        timeout=30,
    ) as response:
        assert response.status_code == 200
        return b"".join(response.iter_raw()).split(b"\n")


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
    lines = frames(site, {"messages": say("n=3 pace=0.4")})

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


def test_parameters_reach_the_engine(client):
    done = client.chat.completions.create(
        **ASK,
        messages=say("prompt pace=0"),
        top_p=0.9,
        max_completion_tokens=4000,
        stop=["\n", "\t"],
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        response_format={"type": "json_object"},
        logit_bias={"42": -100},
        reasoning_effort="low",
        user="somebody",
        metadata={"a": "b"},
        service_tier="auto",
        extra_body={"top_k": 5, "enable_thinking": False, "unknown": {"key": 1}},
    )

    params = json.loads(done.choices[0].message.content)["params"]
    wanted = {
        "top_p": 0.9,
        "max_tokens": 4000,
        "stop": ["\n", "\t"],
        "seed": 7,
        "top_k": 5,
        "thinking": False,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "response_format": {"type": "json_object"},
        "logit_bias": {"42": -100},
        "reasoning_effort": "low",
    }
    assert wanted.items() <= params.items()


def test_a_bound_ends_with_length(client):
    done = client.chat.completions.create(
        **ASK, messages=say("n=9 pace=0"), max_tokens=4
    )

    assert done.choices[0].message.content == scripted(4)
    assert done.choices[0].finish_reason == "length"


def test_a_stop_string(client):
    done = client.chat.completions.create(**ASK, messages=say("n=9 pace=0"), stop=" t3")

    assert done.choices[0].message.content == scripted(3)


REFUSED = [
    ({"n": 2}, "n"),
    ({"logprobs": True}, "logprobs"),
    ({"audio": {"voice": "x", "format": "mp3"}}, "audio"),
    ({"modalities": ["audio"]}, "modalities"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logit_bias": {"1": 500}}, "logit_bias.1"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"function_call": "auto"}, "function_call"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"response_format": {"type": "json_schema"}}, "response_format"),
    ({"temperature": 3}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": 10_000_000}, "max_completion_tokens"),
    ({"stop": ["1", "2", "3", "4", "5"]}, "stop"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": ""}]}, "prompt"),
    ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role"),
    ({"messages": [*say("x"), {"role": "assistant", "content": "y"}]}, "messages"),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "x"}}],
                }
            ]
        },
        "messages.0.content",
    ),
    ({"messages": say("x") * 201}, "messages"),
    ({"messages": say("x" * 32_001)}, "messages"),
]


@pytest.mark.parametrize(("body", "param"), REFUSED, ids=lambda v: str(v)[:30])
def test_what_it_refuses_it_names(once, body, param):
    with pytest.raises(openai.BadRequestError) as caught:
        once.chat.completions.create(**{**ASK, "messages": say("x"), **body})

    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.code
    assert caught.value.request_id


PLAIN: dict[str, Any] = {"model": "plain"}
SCHEMA = {"name": "place", "schema": {"type": "object"}, "strict": True}
UNABLE = [
    ({"response_format": {"type": "json_object"}}, "response_format"),
    (
        {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
        "response_format",
    ),
    ({"presence_penalty": 1}, "presence_penalty"),
    ({"frequency_penalty": 1}, "frequency_penalty"),
    ({"logit_bias": {"1": 5}}, "logit_bias"),
]


@pytest.mark.parametrize(("body", "param"), UNABLE, ids=lambda v: str(v)[:40])
def test_what_an_engine_cannot_is_refused(once, body, param):
    with pytest.raises(openai.BadRequestError) as caught:
        once.chat.completions.create(**PLAIN, messages=say("x"), **body)

    assert caught.value.param == param
    assert caught.value.code == "unsupported_parameter"


def test_what_an_engine_can_is_passed_on(client, site):
    form = {"type": "json_schema", "json_schema": SCHEMA}
    done = client.chat.completions.create(
        model="remote",
        messages=say("n=2"),
        response_format=form,
        logit_bias={"42": 7},
        presence_penalty=1,
    )

    assert done.choices[0].message.content == scripted(2)
    body = site.upstream.requests[-1]
    assert (body["response_format"], body["logit_bias"]) == (form, {"42": 7})
    assert body["presence_penalty"] == 1


def test_an_unknown_model(once):
    with pytest.raises(openai.NotFoundError) as caught:
        once.chat.completions.create(model="gpt-0", messages=say("x"))

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_wrong_key(site):
    with (
        openai.OpenAI(base_url=f"{site.url}/v1", api_key="cs-wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(**ASK, messages=say("x"))

    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405)],
)
def test_what_is_not_there_says_so_in_its_own_shape(site, method, path, status):
    answer = httpx.request(method, site.url + path, headers=site.headers)

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"x", "text/plain", 415),
        (b" " * 1_100_000, "application/json", 413),
    ],
)
def test_bodies_no_view_could_take(site, content, kind, status):
    answer = httpx.post(
        f"{site.url}/v1/chat/completions",
        content=content,
        headers={**site.headers, "Content-Type": kind},
    )

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_failure_of_the_engine_may_be_tried_again(once):
    with pytest.raises(openai.InternalServerError) as caught:
        once.chat.completions.create(**ASK, messages=say("fail=0"))

    assert (caught.value.status_code, caught.value.code) == (503, "engine_failed")
    assert caught.value.response.headers["retry-after"]


def test_a_failure_in_the_middle_of_a_stream_raises(once):
    stream = once.chat.completions.create(
        **ASK, messages=say("fail=3 n=9 pace=0.02"), stream=True
    )
    said: list[str] = []
    with pytest.raises(openai.APIError) as caught:
        said.extend(chunk.choices[0].delta.content or "" for chunk in stream)

    assert caught.value.code == "engine_failed"
    assert caught.value.message == "The script says fail."


def test_a_failed_stream_has_no_done(site):
    lines = frames(site, {"messages": say("fail=3 n=9 pace=0")})

    assert b"data: [DONE]" not in lines
    assert not any(line.startswith(b"event:") for line in lines)


def test_stopping_ends_the_stream_in_good_order(client, site):
    with client.chat.completions.with_streaming_response.create(
        **ASK, messages=say("n=500 pace=0.05"), stream=True
    ) as response:
        name = response.headers["x-generation-id"]
        said, reasons = "", []
        for chunk in response.parse():
            said += chunk.choices[0].delta.content or ""
            reasons.append(chunk.choices[0].finish_reason)
            if len(reasons) == 4:
                site.post(f"/api/generations/{name}/stop", {})

    assert reasons[-1] == "stop"
    row = site.generation(name)
    assert (row["status"], row["text"]) == ("stopped", said)


def test_closing_the_connection_does_not_end_the_answer(client, site):
    with client.chat.completions.with_streaming_response.create(
        **ASK, messages=say("n=6 pace=0.1"), stream=True
    ) as response:
        name = response.headers["x-generation-id"]

    rest = site.get(f"/api/generations/{name}/stream").text
    assert "event: done" in rest
    assert site.generation(name)["text"] == scripted(6)


def test_the_same_key_is_the_same_answer(client):
    calls = [
        client.chat.completions.create(
            **ASK,
            messages=say("n=2 pace=0"),
            extra_headers={"Idempotency-Key": "chat-1"},
        )
        for _ in range(2)
    ]

    assert calls[0] == calls[1]


def test_calls_are_hidden_from_the_list_of_conversations(client, site):
    client.chat.completions.create(**ASK, messages=say("hidden n=1 pace=0"))

    listed = site.get("/api/conversations?limit=100").json()["items"]
    assert not any(row["title"].startswith("hidden") for row in listed)
    assert [row["title"] for row in site.calls("hidden")] == ["hidden n=1 pace=0"]


def test_what_is_not_to_be_stored_is_gone_at_the_end(client, site):
    secret = "secret-word n=3 pace=0.01"
    raw = client.chat.completions.with_raw_response.create(
        **ASK,
        messages=[{"role": "system", "content": "secret-word"}, *say(secret)],
        store=False,
    )
    done = raw.parse()

    assert done.choices[0].message.content == scripted(3)
    assert done.usage.completion_tokens == 3
    row = site.generation(raw.headers["x-generation-id"])
    assert (row["text"], row["usage"]["completion_tokens"]) == ("", 3)
    kept = site.get(f"/api/conversations/{row['conversation']}").json()
    assert (kept["title"], kept["system_prompt"]) == ("", "")
    path = site.get(f"/api/conversations/{row['conversation']}/messages").json()
    assert [message["content"] for message in path["items"]] == ["", ""]


def test_not_storing_streams_all_the_same(client):
    chunks = client.chat.completions.create(
        **ASK, messages=say("n=30 pace=0.01"), stream=True, store=False
    )

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == scripted(30)


def test_models(client, once):
    models = list(client.models.list())

    assert [model.id for model in models] == ["scripted", "remote", "plain"]
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
        timeout=30,
    ) as response:
        first = next(response.iter_raw())
        name = response.headers["x-generation-id"]

    assert first.startswith(b": ")
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in response.headers
    site.post(f"/api/generations/{name}/stop", {})


def test_what_may_be_tried_again_is_tried_again_by_the_client(site):
    def count() -> int:
        return len(site.calls("retry-me"))

    with (
        openai.OpenAI(
            base_url=f"{site.url}/v1", api_key=site.key, max_retries=1
        ) as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.chat.completions.create(**ASK, messages=say("retry-me fail=0"))
    assert count() == 2

    with (
        openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key) as client,
        pytest.raises(openai.BadRequestError),
    ):
        client.chat.completions.create(**ASK, messages=say("retry-me n=1"), n=2)
    assert count() == 2
