import asyncio
import base64
import json

import pytest

from chat.engines.base import EngineError, Progress
from chat.engines.scripted import ScriptedEngine
from chat.engines.scripts import MARKDOWN
from tests.engines.helpers import ask, collect, collect_failing, collect_some

engine = ScriptedEngine(pace=0)


async def test_it_says_numbered_tokens():
    answer = await collect(engine, ask("n=3"))
    assert answer.text == "t0 t1 t2"
    assert answer.finished.finish_reason == "stop"
    assert answer.finished.completion_tokens == 3


async def test_it_counts_words_and_messages():
    answer = await collect(engine, ask("one two n=1", system="be brief"))
    assert answer.prompted.prompt_tokens == 7


async def test_it_reasons_first():
    answer = await collect(engine, ask("think n=2"))
    assert answer.reasoning.startswith("r0 r1")
    assert answer.text == "t0 t1"
    assert answer.finished.completion_tokens == 10


async def test_it_says_what_it_is_told():
    words = "line one\n\n你好 <b>&</b>"
    data = base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")
    assert (await collect(engine, ask(f"say={data}"))).text == words


@pytest.mark.parametrize("word", ["n=x", "pace=nan", "pace=-1", "say=%", "fail=", "="])
async def test_it_ignores_words_it_cannot_read(word):
    answer = await collect(engine, ask(f"{word} hello"))
    assert answer.finished.finish_reason == "stop"


async def test_it_echoes_the_prompt_it_was_given():
    answer = await collect(engine, ask("prompt", system="be brief", top_k=5))
    given = json.loads(answer.text)
    assert given["roles"] == ["system", "user"]
    assert given["system"] == "be brief"
    assert given["params"]["top_k"] == 5


async def test_it_sends_a_document():
    assert (await collect(engine, ask("markdown"))).text == MARKDOWN


async def test_it_splits_joined_emoji():
    answer = await collect(engine, ask("emoji"))
    assert "\N{ZERO WIDTH JOINER}" in {chunk.text for chunk in answer.chunks}


async def test_it_fails_where_it_is_told_and_gets_past_it_when_retried():
    answer, failure = await collect_failing(engine, ask("n=5 fail=2"))
    assert failure.code == "engine_failed"
    assert failure.retryable
    assert answer.text == "t0 t1"
    rest = await collect(engine, ask("n=5 fail=2", progress=answer.progress()))
    assert answer.text + rest.text == "t0 t1 t2 t3 t4"


async def test_it_always_fails_at_token_zero():
    with pytest.raises(EngineError):
        await collect(engine, ask("n=5 fail=0"))


async def test_it_hangs_until_it_is_cancelled():
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(collect(engine, ask("n=5 hang=2")), 0.05)


@pytest.mark.parametrize(
    ("words", "hung"), [("hang=2,", "1"), ("hang=2,4", "12"), ("hang=,3", "2")]
)
async def test_it_hangs_at_the_attempts_it_is_told(words, hung):
    for attempt in "123":
        request = ask(f"n=5 {words}", id=f"generation.{attempt}")
        if attempt in hung:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(collect(engine, request), 0.05)
        else:
            assert (await collect(engine, request)).text == "t0 t1 t2 t3 t4"


async def test_it_keeps_the_pace_it_is_told():
    clock = asyncio.get_running_loop().time
    began = clock()
    await collect(engine, ask("n=5 pace=0.01"))
    assert clock() - began >= 0.05


async def test_it_continues_by_count_alone():
    first = await collect_some(engine, ask("n=6"), 2)
    progress = Progress(text=first.text, completion_tokens=first.tokens)
    rest = await collect(engine, ask("n=6", progress=progress))
    assert first.text + rest.text == "t0 t1 t2 t3 t4 t5"


async def test_it_continues_a_text_whose_tokens_nobody_counted():
    first = await collect(engine, ask("n=5", max_tokens=3))
    progress = Progress(text=first.text)
    rest = await collect(engine, ask("n=5", max_tokens=3, progress=progress))
    assert first.text + rest.text == "t0 t1 t2 t3 t4"
    assert (rest.finished.finish_reason, rest.finished.completion_tokens) == ("stop", 2)
    progress = Progress(text=first.text + rest.text, completion_tokens=2)
    over = await collect(engine, ask("n=5", max_tokens=3, progress=progress))
    assert (over.text, over.finished.completion_tokens) == ("", 2)
