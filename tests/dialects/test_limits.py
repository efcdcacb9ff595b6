"""A user's limits, as each dialect's own clients are told of them."""

from __future__ import annotations

import time

import dashscope
import httpx
import openai
import pytest

from tests.dialects.conftest import Site

MESSAGES = [{"role": "user", "content": "n=9"}]
CHAT = {"model": "scripted", "messages": MESSAGES}


@pytest.fixture(scope="module")
def asked(site: Site) -> list[httpx.Response]:
    """Both of them have asked for all that they may."""
    headers = [{"Authorization": f"Bearer {key}"} for key in keys(site)]
    return [
        httpx.post(
            f"{site.url}/v1/chat/completions", json=CHAT, headers=who, timeout=60
        )
        for who in (headers[0], headers[0], headers[1])
    ]


def keys(site: Site) -> tuple[str, str]:
    return site.hasty_key, site.spent_key


@pytest.fixture(params=["rate", "tokens"])
def refusal(request, site: Site, asked) -> tuple[str, str, str, str]:
    """Whose key, and the code in the three dialects."""
    return {
        "rate": (
            site.hasty_key,
            "rate_limited",
            "rate_limit_exceeded",
            "Throttling.RateQuota",
        ),
        "tokens": (
            site.spent_key,
            "daily_tokens_used",
            "insufficient_quota",
            "Throttling.AllocationQuota",
        ),
    }[request.param]


def test_what_is_left_is_told_with_each_answer(asked) -> None:
    assert [answer.status_code for answer in asked] == [200] * 3
    first, second, other = (answer.headers for answer in asked)
    assert (first["x-ratelimit-limit"], first["x-ratelimit-remaining"]) == ("2", "1")
    assert second["x-ratelimit-remaining"] == "0"
    assert 3000 < int(second["x-ratelimit-reset"]) <= 3600
    assert "x-ratelimit-limit" not in other


def test_the_last_tokens_of_a_day_shorten_an_answer(asked) -> None:
    [choice] = asked[2].json()["choices"]

    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "t0 t1 t2 t3 t4"


def test_natively(site: Site, refusal) -> None:
    key, code, _openai, _dashscope = refusal

    answer = httpx.post(
        f"{site.url}/api/chat/stream",
        json={"prompt": "n=1"},
        headers={"Authorization": f"Bearer {key}", "Accept-Language": "zh-hans"},
        timeout=60,
    )

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == code
    assert "未保存" in answer.json()["error"]["message"]
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("stream", [False, True])
def test_openai_raises_and_does_not_wait_for_hours(
    site: Site, refusal, stream: bool
) -> None:
    key, _native, code, _dashscope = refusal
    kind = code if code == "insufficient_quota" else "rate_limit_error"

    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=key) as client:
        began = time.monotonic()
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(**CHAT, stream=stream)
        took = time.monotonic() - began

    error = caught.value
    assert (error.status_code, error.code, error.type) == (429, code, kind)
    wait = int(error.response.headers["retry-after"])
    if wait > 120:
        assert error.response.headers["x-should-retry"] == "false"
        assert error.response.request.headers["x-stainless-retry-count"] == "0"
        assert took < wait


def test_openai_responses(site: Site, refusal) -> None:
    key, _native, code, _dashscope = refusal

    client = openai.OpenAI(base_url=f"{site.url}/v1", api_key=key, max_retries=0)
    with client, pytest.raises(openai.RateLimitError) as caught:
        client.responses.create(model="scripted", input="n=1")

    assert caught.value.code == code


def test_dashscope(site: Site, refusal) -> None:
    key, _native, _openai, code = refusal

    answer = dashscope.Generation.call(
        model="scripted",
        messages=MESSAGES,
        api_key=key,
        base_address=f"{site.url}/api/v1",
    )

    assert (answer.status_code, answer.code) == (429, code)
    assert answer.message
    assert answer.request_id
