"""The remote engine against a scripted one: what is asked and answered."""

from __future__ import annotations

import asyncio

import pytest
from django.conf import settings as django_settings

from chat.engines.base import (
    Chunk,
    EngineError,
    Finished,
    Progress,
    Prompted,
)
from chat.engines.remote import engine as remote
from chat.engines.remote.config import from_url
from chat.engines.remote.wire import Frames
from chat.gathering import gathering
from tests.engines.helpers import collect
from tests.engines.remote import ask, engine, started, upstream, url
from tests.reading import eventually
from tests.script import CHINESE

__all__ = ["engine", "upstream", "url"]


async def test_it_says_prompted_then_chunks_then_finished(engine):
    answer = await collect(engine, ask("n=4"))

    assert isinstance(answer.events[0], Prompted)
    assert all(isinstance(event, Chunk) for event in answer.events[1:-1])
    assert answer.text == "t0 t1 t2 t3"
    assert answer.finished == Finished("stop", 7, 4)


async def test_while_it_says_something_its_heads_are_forgotten(engine, monkeypatch):
    heads: list[int] = []
    read = Frames.next

    async def next_looked_at(frames, seconds):
        response = frames._response
        heads.append(len(response.headers) + len(response.request_info.headers))
        return await read(frames, seconds)

    monkeypatch.setattr(Frames, "next", next_looked_at)

    answer = await collect(engine, ask("n=4"))

    assert answer.text == "t0 t1 t2 t3"
    assert set(heads) == {0}


class TestBehind:
    """While the process is behind, it reads several tokens at a time."""

    @pytest.fixture(autouse=True)
    def behind(self, monkeypatch) -> None:
        monkeypatch.setattr(gathering, "seconds", 0.2)

    async def test_the_answer_is_the_same(self, engine):
        answer = await collect(engine, ask("n=30 pace=0.01"))

        assert answer.text == " ".join(f"t{index}" for index in range(30))
        assert answer.finished == Finished("stop", 7, 30)

    async def test_what_comes_meanwhile_is_not_read(self, engine, monkeypatch):
        reads: list[int] = []
        read = Frames.next

        async def next_counted(frames, seconds):
            news = await read(frames, seconds)
            reads.append(len(news))
            return news

        monkeypatch.setattr(Frames, "next", next_counted)

        await collect(engine, ask("n=30"))

        assert len(reads) <= 10
        assert max(reads) > 1

    async def test_waiting_is_not_silence(self, engine, upstream, settings):
        settings.CHAT_NEXT_TOKEN_SECONDS = 0.15
        events = []
        async for event in engine.stream(ask("n=8")):
            events.append(event)
            # All of it is there by now.
            await eventually(lambda: upstream.requests and upstream.open == 0)

        assert events[-1].finish_reason == "stop"

    async def test_leaving_meanwhile_closes_the_connection(self, engine, upstream):
        stream = engine.stream(ask("n=1000 pace=0.001"))
        async for event in stream:
            if isinstance(event, Chunk):
                break
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0.05)

        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await stream.aclose()

        await eventually(lambda: upstream.open == 0)


async def test_it_sends_what_was_asked(engine, upstream):
    params = {"temperature": 0.5, "top_k": 3, "max_tokens": 9, "stop": ("x",)}
    more = {"top_p": 0.5, "min_p": 0.1, "repetition_penalty": 1.5}
    await collect(engine, ask("hello", **params, **more, thinking=False, seed=1))

    (body,) = upstream.requests
    assert body["model"] == "bench"
    assert body["messages"] == [{"role": "user", "content": "hello"}]
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert (body["temperature"], body["top_k"], body["seed"]) == (0.5, 3, 1)
    assert (body["max_tokens"], body["stop"]) == (9, ["x"])
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert more.items() <= body.items()
    assert upstream.headers[0]["authorization"] == "Bearer a key"


async def test_it_sends_nothing_that_was_not_asked(engine, upstream):
    await collect(engine, ask("hello"))

    assert set(upstream.requests[0]) == {
        *("model", "messages", "stream", "stream_options")
    }


@pytest.mark.parametrize("word", ["think", "reason"])
async def test_reasoning_has_two_names(engine, word):
    answer = await collect(engine, ask(f"{word} n=2"))

    assert answer.reasoning == "Let me."
    assert answer.text == "t0 t1"


async def test_chinese_and_emoji_arrive_whole(engine):
    answer = await collect(engine, ask("zh"))

    assert answer.text == CHINESE


@pytest.mark.parametrize("word", ["nodone", "usage", "bare", "plainjson"])
async def test_engines_end_in_different_ways(engine, word):
    answer = await collect(engine, ask(f"{word} n=5"))

    assert answer.text == "t0 t1 t2 t3 t4"
    assert answer.finished.finish_reason == "stop"
    assert answer.finished.completion_tokens == 5


async def test_usage_on_every_chunk_counts_exactly_from_the_first(engine):
    answer = await collect(engine, ask("usage n=9"))

    assert answer.prompted == Prompted(7)
    assert answer.tokens == 9


@pytest.mark.parametrize("word", ["strict", "strict400"])
async def test_keys_an_engine_refuses_are_left_out_from_then_on(engine, upstream, word):
    request = ask(f"{word} n=2", top_k=3, temperature=0.5)
    answer = await collect(engine, request)
    tries = len(upstream.requests)
    again = await collect(engine, request)

    assert answer.text == again.text == "t0 t1"
    assert len(upstream.requests) == tries + 1
    assert "top_k" not in upstream.requests[-1]
    assert upstream.requests[-1]["temperature"] == 0.5


async def test_closing_the_iterator_closes_the_request_at_once(engine, upstream):
    stream = engine.stream(ask("n=500 pace=0.01"))
    async for event in stream:
        if isinstance(event, Chunk):
            break
    await stream.aclose()

    await eventually(lambda: upstream.cancelled == 1)


@pytest.mark.parametrize("script", ["mute", "hang=1 n=4"])
async def test_cancelling_the_task_closes_the_request_at_once(engine, upstream, script):
    task = asyncio.create_task(collect(engine, ask(script)))
    await eventually(lambda: upstream.open == 1)
    await asyncio.sleep(0.05)
    task.cancel()

    await eventually(lambda: upstream.open == 0)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    url, upstream, monkeypatch
):
    """The engine may be closing it: what is sent there then is lost."""
    assert remote.IDLE_SECONDS < 5, "engines with uvicorn close theirs"
    monkeypatch.setattr(remote, "IDLE_SECONDS", 0.01)
    async with started(from_url(url, "a key", "bench")) as engine:
        for _ in range(4):
            assert (await collect(engine, ask("n=2"))).text == "t0 t1"
            await asyncio.sleep(0.05)

    assert len(set(upstream.callers)) == len(upstream.callers) == 4


async def test_it_continues_behind_a_partial_answer(engine, upstream):
    progress = Progress("t0 t1 ", "Hm. ", (), 2)
    answer = await collect(engine, ask("n=5", progress))

    body = upstream.requests[0]
    assert body["messages"][-1] == {
        "role": "assistant",
        "content": "t0 t1",
        "reasoning_content": "Hm. ",
    }
    assert body["continue_final_message"] is True
    assert body["add_generation_prompt"] is False
    # The space is there already, and the engine begins with it.
    assert progress.text + answer.text == "t0 t1 t2 t3 t4"
    assert answer.finished == Finished("stop", 7, 5)


async def test_an_engine_without_the_switches_gets_the_message_alone(engine, upstream):
    answer = await collect(engine, ask("strict n=4", Progress("t0 t1", "", (), 2)))

    assert answer.text == " t2 t3"
    assert "continue_final_message" not in upstream.requests[-1]


async def test_thinking_goes_on_inside_its_tag(engine, upstream):
    await collect(engine, ask("n=4", Progress("", "Let me", (), 2)))

    last = upstream.requests[0]["messages"][-1]
    assert last["content"] == "<think>\nLet me"


async def test_the_bound_on_tokens_is_of_the_whole_answer(engine, upstream):
    progress = Progress("t0 t1", "", (), 2)
    await collect(engine, ask("n=9", progress, max_tokens=6))
    done = await collect(engine, ask("n=9", progress, max_tokens=2))

    assert upstream.requests[0]["max_tokens"] == 4
    assert done.events == [Finished("length")]
    assert len(upstream.requests) == 1


async def test_our_own_bound_ends_an_answer_that_has_none(engine, upstream, settings):
    settings.CHAT_MAX_NEW_TOKENS = 3
    answer = await collect(engine, ask("n=500 pace=0.005"))

    assert "max_tokens" not in upstream.requests[0]
    assert answer.text == "t0 t1 t2"
    assert answer.finished.finish_reason == "length"
    await eventually(lambda: upstream.open == 0)


async def test_an_engine_that_cannot_continue_says_so(url):
    where = from_url(url, None, "bench").model_copy(update={"continues": "none"})
    async with started(where) as engine:
        with pytest.raises(EngineError) as caught:
            await collect(engine, ask("n=4", Progress("t0", "", (), 1)))

    assert caught.value.retryable


def test_the_defaults_are_the_documented_ones():
    assert django_settings.CHAT_CONNECT_SECONDS == 5
    assert django_settings.CHAT_FIRST_TOKEN_SECONDS == 120
    assert django_settings.CHAT_NEXT_TOKEN_SECONDS == 60
