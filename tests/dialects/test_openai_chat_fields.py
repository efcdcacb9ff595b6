"""The fields of `/v1/chat/completions`: what is passed on, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.dialects.openai_chat import ASK, say
from tests.reading import scripted


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
