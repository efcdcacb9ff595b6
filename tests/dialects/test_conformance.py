"""The table in docs/api.md has every field of OpenAI's requests, and is true."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.image_generate_params import ImageGenerateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "api.md"
STATES = {"supported", "where it can", "ignored", "refused"}
TYPES: dict[str, Any] = {
    "chat/completions": CompletionCreateParamsBase,
    "images/generations": ImageGenerateParamsBase,
    "responses": ResponseCreateParamsBase,
}
CACHE = {
    "prompt_cache_key": "x",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
}
IGNORED: dict[str, dict[str, Any]] = {
    "chat/completions": {
        **CACHE,
        "metadata": {"a": "b"},
        "prediction": {"type": "content", "content": "x"},
        "safety_identifier": "x",
        "service_tier": "auto",
        "user": "somebody",
        "verbosity": "low",
    },
    "images/generations": {
        "complexity": "high",
        "moderation": "low",
        "quality": "hd",
        "safety_identifier": "x",
        "style": "vivid",
        "user": "somebody",
    },
    "responses": {
        **CACHE,
        "access_programs": {},
        "context_management": [{"type": "compaction"}],
        "image": {},
        "include": ["reasoning.encrypted_content"],
        "max_tool_calls": 1,
        "safety_identifier": "x",
        "service_tier": "auto",
        "stream_options": {"include_obfuscation": False},
        "truncation": "auto",
        "user": "somebody",
    },
}
REFUSED: dict[str, dict[str, Any]] = {
    "chat/completions": {
        "audio": {"voice": "x", "format": "mp3"},
        "function_call": "auto",
        "functions": [{"name": "f"}],
        "logprobs": True,
        "top_logprobs": 2,
        "modalities": ["text", "audio"],
        "moderation": {"model": "x"},
        "n": 2,
        "web_search_options": {},
    },
    "images/generations": {
        "background": "transparent",
        "frame_count": 4,
        "frame_duration_ms": 200,
        "output_compression": 50,
        "output_format": "webp",
        "svg": {},
    },
    "responses": {
        "conversation": "conv_1",
        "moderation": {"model": "x"},
        "prompt": {"id": "pmpt_1"},
        "top_logprobs": 2,
    },
}


@cache
def rows(call: str) -> dict[str, tuple[str, list[str]]]:
    """What is said of each field, and the tests that are named."""
    section = DOCUMENT.read_text("utf-8").split(f"### `POST /v1/{call}`\n")[1]
    found: dict[str, tuple[str, list[str]]] = {}
    for line in section.strip().split("\n\n")[0].splitlines()[2:]:
        fields, state, _how, tests = (cell.strip() for cell in line.split("|")[1:-1])
        named = re.findall(r"`(\w+)`", tests)
        found |= dict.fromkeys(re.findall(r"`(.+?)`", fields), (state, named))
    return found


def said(call: str, state: str) -> set[str]:
    """The fields of which this is said; not those of messages."""
    return {
        field
        for field, (what, _tests) in rows(call).items()
        if what == state and not field.startswith("messages[]")
    }


@pytest.fixture(params=sorted(TYPES))
def call(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(client: openai.OpenAI, call: str, **more: Any) -> Any:
    """Whatever the SDK thinks of it."""
    asked = {
        "chat/completions": {"messages": [{"role": "user", "content": "n=1"}]},
        "images/generations": {"prompt": "pace=0"},
        "responses": {"input": "n=1"},
    }[call]
    return client.post(f"/{call}", body={**asked, **more}, cast_to=object)


def test_every_field_the_sdk_knows_is_there(call):
    known = {*TYPES[call].__annotations__, "stream"}

    assert known <= rows(call).keys()


def test_every_field_has_a_state_and_a_test_that_exists(call):
    defined = {
        name
        for path in HERE.glob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    for field, (state, tests) in rows(call).items():
        assert state in STATES, field
        assert tests, field
        assert defined.issuperset(tests), field


def test_other_calls_name_tests_that_exist():
    table = DOCUMENT.read_text("utf-8").split("| call | | test |\n")[1]
    text = "".join(path.read_text("utf-8") for path in HERE.glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", table)

    assert len(named) >= 5
    assert all(f"def {name}(" in text for name in named)


@pytest.mark.parametrize("call", ["chat/completions", "responses"])
def test_what_it_ignores(once, site, call):
    assert said(call, "ignored") == IGNORED[call].keys()
    done = ask(once, call, model="remote", **IGNORED[call])

    assert done["object"] in ("chat.completion", "response")
    body = site.upstream.requests[-1]
    assert body.keys() == {"model", "messages", "stream", "stream_options"}
    assert body["stream_options"] == {"include_usage": True}


def test_what_pictures_ignore(once):
    call = "images/generations"
    assert said(call, "ignored") == IGNORED[call].keys()

    assert ask(once, call, **IGNORED[call])["data"]


@pytest.mark.parametrize(
    ("call", "field"), [(call, field) for call in REFUSED for field in REFUSED[call]]
)
def test_what_it_refuses(once, call, field):
    assert said(call, "refused") == REFUSED[call].keys()
    with pytest.raises(openai.BadRequestError) as caught:
        ask(once, call, **{field: REFUSED[call][field]})

    assert caught.value.param == field


def test_effort_reaches_the_engine(once, site):
    ask(once, "responses", model="remote", reasoning={"effort": "high"})
    assert site.upstream.requests[-1]["reasoning_effort"] == "high"

    ask(once, "responses", model="remote", reasoning={"effort": "none"})
    body = site.upstream.requests[-1]
    assert "reasoning_effort" not in body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
