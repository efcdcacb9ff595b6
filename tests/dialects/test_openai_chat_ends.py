"""Errors of `/v1/chat/completions`, stopping, leaving, repeating, and what is kept."""

from __future__ import annotations

import httpx
import openai
import pytest

from tests.dialects.openai_chat import ASK, frames, say
from tests.reading import scripted


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
    url = site.url + path
    answer = httpx.request(method, url, headers=site.headers, timeout=60)

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
        timeout=60,
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
        **ASK, messages=say("n=500 hang=4 pace=0.01"), stream=True
    ) as response:
        name = response.headers["x-generation-id"]
        said, reasons = "", []
        for chunk in response.parse():
            said += (more := chunk.choices[0].delta.content or "")
            reasons.append(chunk.choices[0].finish_reason)
            if more and said == scripted(4):
                site.post(f"/api/generations/{name}/stop", {})

    assert reasons[-1] == "stop"
    row = site.generation(name)
    assert (row["status"], row["text"], said) == ("stopped", said, scripted(4))


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
