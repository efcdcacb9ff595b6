"""Engines behind HTTP that break off, refuse, say nonsense or nothing."""

from __future__ import annotations

import pytest

from chat.engines.base import (
    EngineLost,
)
from chat.engines.remote.config import from_url
from tests.engines.helpers import collect
from tests.engines.remote import ask, engine, fails, started, upstream, url
from tests.reading import eventually

__all__ = ["engine", "upstream", "url"]


@pytest.mark.parametrize("word", ["cut=2", "end=2", "enddone=2", "abort=2"])
async def test_what_breaks_off_is_lost_and_not_finished(engine, word):
    answer, error = await fails(engine, f"{word} n=5")

    assert answer.text == "t0 t1"
    assert isinstance(error, EngineLost)


@pytest.mark.parametrize("word", ["fail=2", "failtext=2"])
async def test_an_error_frame_ends_it(engine, word):
    answer, error = await fails(engine, f"{word} n=5")

    assert answer.text == "t0 t1"
    assert not isinstance(error, EngineLost)
    assert (error.code, error.retryable) == ("engine_failed", True)
    assert "fell over" in error.message


async def test_silence_between_tokens_is_lost(engine, settings):
    settings.CHAT_NEXT_TOKEN_SECONDS = 0.2
    # Before the first one it may take its time.
    answer, error = await fails(engine, "hang=1 n=5")

    assert answer.text == "t0"
    assert isinstance(error, EngineLost)


async def test_silence_before_the_first_token_is_a_timeout(engine, upstream, settings):
    settings.CHAT_FIRST_TOKEN_SECONDS = 0.1
    _answer, error = await fails(engine, "mute")

    assert (error.code, error.retryable) == ("engine_timeout", True)
    assert not isinstance(error, EngineLost)
    await eventually(lambda: upstream.open == 0)


async def test_it_asks_again_before_the_first_token(engine, upstream):
    answer = await collect(engine, ask("refuse=503 times=2 n=2"))

    assert answer.text == "t0 t1"
    assert len(upstream.requests) == 3


async def test_it_gives_up_after_some_tries(engine, upstream):
    _answer, error = await fails(engine, "refuse=503")

    assert (error.code, error.retryable) == ("engine_unavailable", True)
    assert len(upstream.requests) == 3


async def test_a_connection_that_breaks_before_the_first_token_is_asked_again(
    engine, upstream
):
    _answer, error = await fails(engine, "cut=0 n=2")

    assert error.retryable
    assert len(upstream.requests) == 3


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "engine_refused"), (401, "engine_denied"), (404, "model_not_found")],
)
async def test_a_refusal_is_final(engine, upstream, status, code):
    _answer, error = await fails(engine, f"refuse={status}")

    assert (error.code, error.retryable) == (code, False)
    assert len(upstream.requests) == 1


async def test_a_busy_engine_is_busy(engine):
    _answer, error = await fails(engine, "refuse=429")

    assert (error.code, error.retryable) == ("engine_busy", True)


async def test_the_key_is_never_quoted(url, upstream):
    upstream.key = "sk-right"
    async with started(from_url(url, "sk-wrong", "bench")) as engine:
        _answer, error = await fails(engine, "hello")

    assert error.code == "engine_denied"
    assert "sk-" not in error.message


@pytest.mark.parametrize("word", ["junk", "endless n=2000", "status200"])
async def test_nonsense_is_an_error(engine, word):
    _answer, error = await fails(engine, word)

    assert error.code in ("engine_protocol", "engine_failed")


async def test_nobody_there(settings):
    settings.CHAT_CONNECT_SECONDS = 0.2
    async with started(from_url("http://127.0.0.1:9/v1", None, "bench")) as engine:
        _answer, error = await fails(engine, "hello")

    assert (error.code, error.retryable) == ("engine_unavailable", True)
