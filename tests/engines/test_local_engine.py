"""What is special about the local engine: batch slots, cache, thinking, ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import torch

from chat.engines import registry
from chat.engines.base import EngineLost
from chat.engines.local import LocalEngine
from chat.engines.local_models import LocalModel
from tests.engines.helpers import (
    Answer,
    ask,
    collect,
    collect_some,
    eventually,
    hold,
)
from tests.engines.tiny import with_ends

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def started(folder: Path, **options: int) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(str(folder), **options)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def test_it_frees_the_batch_slot_when_a_stream_is_closed(local):
    worker = local._worker
    await collect_some(local, ask(max_tokens=400), 3)
    scheduler = worker.batch_processor.scheduler
    assert worker.output_router.result_handlers == {}
    await eventually(lambda: not scheduler.has_pending_requests())


async def test_it_leaves_nothing_behind_after_a_reply(local):
    await collect(local, ask(max_tokens=4))
    await collect(local, ask(max_tokens=100, stop=("a", "e", "\n"), id="stopped"))
    scheduler = local._worker.batch_processor.scheduler
    await eventually(lambda: not scheduler.has_pending_requests())
    assert local._worker.output_router.result_handlers == {}
    assert local._inboxes == {}


async def test_it_merges_what_a_slow_reader_missed(local):
    answer, scheduler = Answer(), local._worker.batch_processor.scheduler
    async for event in local.stream(ask(max_tokens=100, temperature=0)):
        answer.events.append(event)
        if len(answer.events) == 2:
            await eventually(lambda: not scheduler.has_pending_requests())
    assert answer.tokens == 100
    assert len(answer.chunks) < 100
    assert (
        answer.token_ids == (await collect(local, ask(temperature=0))).token_ids[:100]
    )


async def test_it_ends_with_stop_at_an_end_of_sequence_token(
    local, tiny_folder, tmp_path
):
    whole = await collect(local, ask(max_tokens=20, temperature=0))
    end = whole.token_ids[9]
    folder = with_ends(tiny_folder, tmp_path / "model", [end])
    async with started(folder, cache_size=2048) as engine:
        answer = await collect(engine, ask(max_tokens=20, temperature=0))
        ended = await collect(
            engine, ask(max_tokens=20, temperature=0, progress=answer.progress())
        )
    assert answer.token_ids == whole.token_ids[: whole.token_ids.index(end) + 1]
    assert answer.finished.finish_reason == "stop"
    assert answer.finished.completion_tokens == len(answer.token_ids)
    assert (ended.text, ended.finished) == ("", answer.finished)


async def test_it_takes_the_text_for_reasoning_where_the_prompt_opens_it(local):
    answer = await collect(local, ask(thinking=True, max_tokens=20, temperature=0))
    assert answer.reasoning
    assert answer.text == ""


async def test_it_penalises_repetition_as_generate_does(local):
    request = ask(max_tokens=40, temperature=0, repetition_penalty=1.3)
    answer = await collect(local, request)
    job = local._maker.make(request)
    with local._worker.pause():
        output = local._worker.model.generate(
            torch.tensor([job.ids]),
            do_sample=False,
            repetition_penalty=1.3,
            max_new_tokens=40,
        )
    assert tuple(output[0, len(job.ids) :].tolist()) == answer.token_ids


@pytest.mark.parametrize("lengths", [[1] * 8, [1, 9, 30, 50], [1, 1, 1, 300]])
async def test_it_says_in_a_batch_what_generate_says(local, lengths):
    requests = [
        ask("a" * length, id=f"{n}", max_tokens=30, temperature=0)
        for n, length in enumerate(lengths)
    ]
    answers = await asyncio.gather(*(collect(local, each) for each in requests))
    for request, answer in zip(requests, answers, strict=True):
        ids = local._maker.make(request).ids
        with local._worker.pause():
            output = local._worker.model.generate(
                torch.tensor([ids]), do_sample=False, max_new_tokens=30
            )
        assert tuple(output[0, len(ids) :].tolist()) == answer.token_ids


async def test_it_draws_anew_without_a_seed(local):
    request = ask(max_tokens=20, temperature=1.5)
    assert (await collect(local, request)).text != (await collect(local, request)).text


async def test_it_answers_more_than_the_cache_holds_at_once(tiny_folder, local):
    requests = [
        ask(f"{n}", id=f"{n}", max_tokens=80, temperature=t, seed=n, **penalty)
        for n, (t, penalty) in enumerate(
            [(0, {}), (1.0, {}), (0, {"repetition_penalty": 1.2}), (1.0, {})] * 2
        )
    ]
    async with started(tiny_folder, cache_size=384) as engine:
        crowded = await asyncio.gather(*(collect(engine, each) for each in requests))
        assert engine._worker.last_error is None
    for request, answer in zip(requests, crowded, strict=True):
        assert answer.token_ids == (await collect(local, request)).token_ids


async def test_it_goes_on_when_those_that_filled_the_cache_are_cancelled(
    tiny_folder, local, monkeypatch
):
    requests = [ask(f"{n}", id=f"{n}", max_tokens=180) for n in range(6)]
    async with started(tiny_folder, cache_size=384) as engine:
        scheduler = engine._worker.batch_processor.scheduler
        gate = hold(engine, monkeypatch, lambda _: scheduler.block_new_requests)
        tasks = [asyncio.create_task(collect(engine, each)) for each in requests]
        await gate.wait()
        active = [name.split(":")[1] for name in scheduler.active_requests]
        for name in active:
            tasks[int(name)].cancel()
        await asyncio.wait([tasks[int(name)] for name in active])
        gate.open()
        rest = [int(each.id) for each in requests if each.id not in active]
        answers = await asyncio.gather(*(tasks[n] for n in rest))
    for n, answer in zip(rest, answers, strict=True):
        assert answer.token_ids == (await collect(local, requests[n])).token_ids


async def test_its_cache_fits_into_what_it_is_given(tiny_folder):
    async with started(tiny_folder, cache_bytes=300_000) as engine:
        size = engine._worker.batch_processor.cache.cache_tensor.nbytes
        assert 150_000 < size < 320_000  # with a page of the library's own
        assert (await collect(engine, ask(max_tokens=3))).tokens == 3


async def test_the_settings_say_what_it_is_given(settings):
    settings.CHAT_CACHE_MB, settings.CHAT_STEP_SECONDS = 16, 7
    settings.CHAT_PROMPT_LOOKUP_TOKENS, settings.CHAT_DRAFT_MODEL = 5, "small"

    engine = registry.engine_of(registry.own_model("demo"))

    built = LocalEngine(**engine.options)
    assert (built._cache_bytes, built._step_seconds) == (16 * 2**20, 7)
    assert (built._drafts._lookup_tokens, built._drafts._name) == (5, "small")
    assert built.models == engine.models


async def test_a_model_of_the_file_guesses_as_the_file_says(settings):
    settings.CHAT_PROMPT_LOOKUP_TOKENS, settings.CHAT_DRAFT_MODEL = 5, "small"
    silent = LocalModel(id="one")
    says = LocalModel(id="two", draft_model="tiny", prompt_lookup_tokens=0)

    options = [registry.engine_of(model).options for model in (silent, says)]

    assert [(each["lookup_tokens"], each["draft_model"]) for each in options] == [
        (5, None),
        (0, "tiny"),
    ]


async def test_it_stops_with_an_error_to_those_who_wait(tiny_folder, monkeypatch):
    engine = LocalEngine(str(tiny_folder), cache_size=2048)
    await engine.start()
    status = engine._worker.background_thread_status
    gate = hold(engine, monkeypatch, lambda step: step == 5)
    task = asyncio.create_task(collect(engine, ask(max_tokens=400)))
    await gate.wait()
    stopping = asyncio.create_task(engine.stop())
    await eventually(lambda: status._local_status == status.HARD_STOP)
    gate.open()
    await stopping
    with pytest.raises(EngineLost, match="stopped") as error:
        await task
    assert error.value.code == "engine_stopped"
    await engine.start()
    assert (await collect(engine, ask(max_tokens=3))).tokens == 3
    await engine.stop()
    await engine.stop()
