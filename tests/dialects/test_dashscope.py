"""DashScope's text generation through its own SDK, and raw where that hides it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import aiohttp
import dashscope
import httpx
import pytest
from dashscope import Generation
from dashscope.aigc.generation import AioGeneration

from chat.engines.scripts import CHINESE
from tests.reading import scripted

PATH = "/api/v1/services/aigc/text-generation/generation"


@pytest.fixture(autouse=True)
def sdk(site, monkeypatch):
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{site.url}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", site.key)


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def raw(site, body: dict[str, Any], *, stream: bool = True) -> list[str]:
    switch = {"X-DashScope-SSE": "enable"} if stream else {}
    answer = httpx.post(
        site.url + PATH,
        json={"model": "scripted", **body},
        headers=site.headers | switch,
        timeout=60,
    )
    assert answer.status_code == 200
    return answer.text.splitlines()


def results(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line[5:]) for line in lines if line.startswith("data:")]


def test_a_prompt_in_text_format():
    """As in 1.x."""
    done = Generation.call(model="scripted", prompt="n=3 pace=0")

    assert done.status_code == HTTPStatus.OK
    assert done.output.text == scripted(3)
    assert done.output.finish_reason == "stop"
    assert (done.usage.input_tokens, done.usage.output_tokens) == (3, 3)
    assert done.request_id


@pytest.mark.parametrize("incremental", [None, False, True])
def test_a_stream_of_a_prompt(incremental):
    """As in 1.x: without the switch, all text so far in every frame."""
    switch = {} if incremental is None else {"incremental_output": incremental}
    frames = list(
        Generation.call("scripted", prompt="zh pace=0.002", stream=True, **switch)
    )
    said = [frame.output.text for frame in frames]

    assert all(frame.status_code == HTTPStatus.OK for frame in frames)
    assert ("".join(said) if incremental else said[-1]) == CHINESE
    if not incremental:
        assert all(CHINESE.startswith(text) for text in said)
    assert frames[-1].output.finish_reason == "stop"


def test_a_history():
    """As in 1.x, before there were messages."""
    done = Generation.call(
        model="scripted",
        prompt="prompt pace=0",
        history=[{"user": "one", "bot": "two"}, {"user": "three", "bot": "four"}],
    )

    told = json.loads(done.output.text)
    assert told["roles"] == ["user", "assistant", "user", "assistant", "user"]


def test_messages_in_message_format():
    done = Generation.call(
        model="scripted",
        messages=[{"role": "system", "content": "Hm."}, *say("think n=3 pace=0")],
        result_format="message",
        temperature=0.3,
        enable_thinking=True,
    )

    (choice,) = done.output.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == scripted(3)
    assert choice.message.reasoning_content.startswith("r0 r1")
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize("incremental", [True, False])
def test_a_stream(incremental):
    frames = list(
        Generation.call(
            model="scripted",
            messages=say("zh pace=0.002"),
            result_format="message",
            stream=True,
            incremental_output=incremental,
        )
    )

    assert all(frame.status_code == HTTPStatus.OK for frame in frames)
    said = [frame.output.choices[0].message.content for frame in frames]
    assert ("".join(said) if incremental else said[-1]) == CHINESE
    reasons = [frame.output.choices[0].finish_reason for frame in frames]
    assert set(reasons[:-1]) == {"null"}
    assert reasons[-1] == "stop"
    counts = [frame.usage.output_tokens for frame in frames]
    assert counts == sorted(counts)
    assert counts[-1] > 0


async def test_the_async_client():
    async with aiohttp.ClientSession() as session:
        stream = await AioGeneration.call(
            model="scripted",
            messages=say("n=3 pace=0"),
            result_format="message",
            stream=True,
            incremental_output=True,
            session=session,
        )
        said = [frame.output.choices[0].message.content async for frame in stream]

    assert "".join(said) == scripted(3)


def test_the_frames(site):
    lines = raw(
        site,
        {
            "input": {"messages": say("n=1 pace=0")},
            "parameters": {"result_format": "message", "incremental_output": True},
        },
    )

    at = lines.index("id:1")
    assert lines[at + 1 : at + 3] == ["event:result", ":HTTP_STATUS/200"]
    first, *_, last = results(lines)
    assert first["output"] == {
        "choices": [
            {
                "message": {"role": "assistant", "content": "t0"},
                "finish_reason": "null",
            }
        ]
    }
    assert first["request_id"] == last["request_id"]
    assert last["usage"] == {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}
    assert "[DONE]" not in "".join(lines)


@pytest.mark.parametrize("form", ["text", "message"])
def test_all_text_so_far_is_the_default_of_a_stream(site, form):
    lines = raw(
        site,
        {
            "input": {"prompt": "n=4 pace=0.03"},
            "parameters": {"result_format": form},
        },
    )
    outputs = [result["output"] for result in results(lines)]
    said = [
        one["text"] if form == "text" else one["choices"][0]["message"]["content"]
        for one in outputs
    ]

    assert said[-1] == scripted(4)
    assert all(scripted(4).startswith(text) for text in said)
    assert said == sorted(said, key=len)


def test_a_failure_in_the_middle():
    frames = list(
        Generation.call(
            model="scripted",
            messages=say("fail=2 n=5 pace=0.01"),
            result_format="message",
            stream=True,
            incremental_output=True,
        )
    )

    assert frames[-1].status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert frames[-1].code == "ServiceUnavailable"
    assert frames[-1].message == "The script says fail."
    said = [frame.output.choices[0].message.content for frame in frames[:-1]]
    assert "".join(said) == scripted(2)


def test_a_failure_before_the_answer():
    failed = Generation.call(model="scripted", prompt="fail=0")

    assert failed.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert failed.code == "ServiceUnavailable"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"model": "qwen-0"}, 404, "ModelNotFound"),
        ({"prompt": ""}, 400, "InvalidParameter"),
        ({"prompt": "x", "temperature": 9}, 400, "InvalidParameter"),
        ({"prompt": "x", "n": 2}, 400, "InvalidParameter.NotSupported"),
        (
            {"prompt": "x", "tools": [{"type": "function", "function": {"name": "f"}}]},
            400,
            "InvalidParameter.NotSupported",
        ),
        ({"prompt": "x", "api_key": "cs-wrong"}, 401, "InvalidApiKey"),
    ],
)
def test_errors_are_flat(more, status, code):
    call = {"model": "scripted", "prompt": "x", **more}
    if call["prompt"] == "":
        call |= {"messages": say(""), "prompt": None}
    failed = Generation.call(**call)

    assert (failed.status_code, failed.code) == (status, code)
    assert failed.message
    assert failed.request_id


def test_bounds_and_stops_reach_the_engine():
    done = Generation.call(
        model="scripted",
        prompt="n=9 pace=0",
        max_tokens=4,
        top_k=3,
        top_p=0.8,
        seed=1234,
        repetition_penalty=1.1,
        stop=["zzz"],
    )

    assert (done.output.text, done.output.finish_reason) == (scripted(4), "length")
