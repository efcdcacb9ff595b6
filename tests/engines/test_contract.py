"""What the runner relies on, of every engine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chat.engines.base import Chunk, Engine, Finished, ModelInfo, Progress, Prompted
from chat.engines.local import LocalEngine
from chat.engines.process import ProcessEngine
from chat.engines.scripted import ScriptedEngine
from tests.engines.helpers import ask, collect, collect_some

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["scripted", "local", "process"]
)
async def engine(
    request: pytest.FixtureRequest, tiny_folder: Path
) -> AsyncIterator[Engine]:
    engine: Engine = ScriptedEngine(pace=0)
    if request.param == "local":
        engine = LocalEngine(str(tiny_folder), cache_size=32_768)
    elif request.param == "process":
        options = {"model": str(tiny_folder), "cache_size": 32_768}
        info = ModelInfo(str(tiny_folder), "Tiny")
        engine = ProcessEngine("chat.engines.local:LocalEngine", info, options)
    await engine.start()
    yield engine
    await engine.stop()


SAMPLING = {
    "greedy": {"temperature": 0},
    "seeded": {"temperature": 1.2, "top_p": 0.9, "seed": 5},
}


@pytest.fixture(params=SAMPLING)
def sampling(request: pytest.FixtureRequest) -> dict[str, object]:
    return SAMPLING[request.param]


async def test_it_is_ready(engine):
    assert engine.problem is None
    assert engine.models


async def test_it_says_prompted_then_chunks_then_finished(engine):
    answer = await collect(engine, ask(max_tokens=8))
    first, *middle, last = answer.events
    assert isinstance(first, Prompted)
    assert isinstance(last, Finished)
    assert middle
    assert all(isinstance(event, Chunk) for event in middle)


async def test_it_counts_exactly(engine):
    answer = await collect(engine, ask(max_tokens=8, temperature=0))
    assert answer.finished.prompt_tokens == answer.prompted.prompt_tokens > 0
    assert answer.finished.completion_tokens == answer.tokens == 8
    assert len(answer.token_ids) == 8
    assert answer.finished.finish_reason == "length"


async def test_it_gives_the_same_answer_again(engine, sampling):
    request = ask(max_tokens=24, **sampling)
    assert (await collect(engine, request)).text == (
        await collect(engine, request)
    ).text


@pytest.mark.parametrize("cut", [1, 7, 15])
async def test_it_continues_as_if_nothing_had_happened(engine, sampling, cut):
    options = {"max_tokens": 24, **sampling}
    whole = await collect(engine, ask(**options))
    first = await collect_some(engine, ask(**options), cut)
    rest = await collect(engine, ask(progress=first.progress(), **options))
    assert first.text + rest.text == whole.text
    assert first.token_ids + rest.token_ids == whole.token_ids
    assert rest.finished == whole.finished


async def test_it_continues_an_earlier_answer_of_which_it_has_the_text(engine):
    """Its tokens are counted by nobody here, and bounded by no limit."""
    options = {"max_tokens": 12, "temperature": 0}
    first = await collect(engine, ask(**options))
    carried = Progress(text=first.text, reasoning=first.reasoning)
    rest = await collect(engine, ask(progress=carried, **options))
    assert rest.finished.completion_tokens == rest.tokens == 12
    assert rest.finished.finish_reason == "length"


async def test_it_has_nothing_to_add_to_a_complete_reply(engine):
    whole = await collect(engine, ask(max_tokens=8, temperature=0))
    request = ask(max_tokens=8, temperature=0, progress=whole.progress())
    rest = await collect(engine, request)
    assert rest.text == ""
    assert rest.finished == whole.finished


async def test_it_stops_at_a_stop_string(engine):
    whole = await collect(engine, ask(max_tokens=24, temperature=0))
    stop = whole.text[6:10]
    answer = await collect(engine, ask(max_tokens=24, temperature=0, stop=(stop,)))
    assert answer.text == whole.text[: whole.text.index(stop)]
    assert answer.finished.finish_reason == "stop"
    assert answer.finished.completion_tokens == answer.tokens < 24


async def test_it_shows_the_start_of_a_stop_string_that_never_came(engine):
    whole = await collect(engine, ask(max_tokens=24, temperature=0))
    stop = whole.text[-1] + "never"
    answer = await collect(engine, ask(max_tokens=24, temperature=0, stop=(stop,)))
    assert answer.text == whole.text
    assert answer.finished == whole.finished


async def test_it_is_done_with_a_request_when_its_stream_is_closed(engine):
    await collect_some(engine, ask(max_tokens=200), 2)
    again = await collect(engine, ask(max_tokens=4))
    assert again.tokens == 4


async def test_it_is_done_with_a_request_when_its_task_is_cancelled(engine):
    async def read() -> None:
        async for event in engine.stream(ask("hang=2", max_tokens=200)):
            if isinstance(event, Chunk):
                task.cancel()
        await asyncio.sleep(0)

    task = asyncio.create_task(read())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await collect(engine, ask(max_tokens=4))).tokens == 4


async def test_it_answers_many_at_once_as_it_answers_one(engine, sampling):
    requests = [
        ask(f"n=24 {number}", id=f"many-{number}", max_tokens=24, **sampling)
        for number in range(32)
    ]
    together = await asyncio.gather(*(collect(engine, each) for each in requests))
    for request, answer in list(zip(requests, together, strict=True))[::8]:
        alone = await collect(engine, request)
        assert alone.token_ids == answer.token_ids
        assert alone.text == answer.text
