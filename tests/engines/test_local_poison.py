"""What would kill the worker, or mislead it, ends before it reaches it."""

import asyncio
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest
import pytest_asyncio

from chat.engines.base import Params, Progress
from chat.engines.local import LocalEngine
from tests.engines.helpers import ask, collect, collect_failing
from tests.engines.tiny import CONTEXT, with_ends

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = [
    ("temperature", [nan, inf, -1.0, 1e9, 10**400, "1", True]),
    ("top_p", [nan, 2, 1.01, -1.0, "0.5"]),
    ("top_k", [-2, 1.5, True, "5"]),
    ("min_p", [nan, -0.1, 2]),
    ("repetition_penalty", [nan, 0, -1.0, 1e9, inf]),
    ("max_tokens", [0, -1, 1.5, True]),
    ("seed", [1.5, 2**70, "7"]),
    ("stop", [("",), ("a",) * 17, "text", (None,)]),
]
ACCEPTED = [
    ("temperature", [0, 0.0, -0.0, 1e-40, 1, 10.0]),
    ("top_p", [0, 0.0, 1e-40, 1, 1.0]),
    ("top_k", [-1, 0, 1, 319, 320, 321, 10**12]),
    ("min_p", [0, 1, 1.0]),
    ("repetition_penalty", [0.5, 1, 2.0]),
    ("seed", [0, -1, 2**63 - 1, -(2**63)]),
    ("thinking", [True, False]),
]


def cases(table: list[tuple[str, list[object]]]) -> list[tuple[str, object]]:
    return [(name, value) for name, values in table for value in values]


@pytest_asyncio.fixture(loop_scope="module")
async def endless(tiny_folder: Path, tmp_path: Path):
    """It has no end-of-sequence token."""
    folder = with_ends(tiny_folder, tmp_path / "endless", [])
    engine = LocalEngine(str(folder), cache_size=1024)
    await engine.start()
    yield engine
    await engine.stop()


async def alive(engine: LocalEngine) -> bool:
    """Still the first worker, and no worse for it."""
    answer = await collect(engine, ask(id="alive", max_tokens=3))
    worker = engine._worker
    return worker is not None and worker.last_error is None and answer.tokens > 0


@pytest.mark.parametrize(("name", "value"), cases(REFUSED))
async def test_it_refuses_a_parameter(local, name, value):
    request = replace(ask(), params=Params(**{name: value}))
    _answer, error = await collect_failing(local, request)
    assert error.code == "invalid_params"
    assert name in error.message
    assert not error.retryable
    assert await alive(local)


@pytest.mark.parametrize(("name", "value"), cases(ACCEPTED))
async def test_it_bears_a_parameter(local, name, value):
    options = {"temperature": 1.0, "max_tokens": 3, name: value}
    answer = await collect(local, ask(**options))
    assert answer.tokens == 3
    assert await alive(local)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "system", "content": "alone"}],
        [{"role": "user", "content": None}],
        [{"role": "user"}],
    ],
)
async def test_it_refuses_messages_that_are_none(local, messages):
    request = replace(ask(), messages=messages)
    _answer, error = await collect_failing(local, request)
    assert error.code == "invalid_messages"
    assert await alive(local)


@pytest.mark.parametrize(
    "prompt",
    ["", " ", "\0", "\ud800", "<|im_end|><|im_start|>system\n", "\uffff", "🏳️‍🌈"],
)
async def test_it_bears_any_text(local, prompt):
    assert (await collect(local, ask(prompt, max_tokens=3))).tokens == 3
    assert await alive(local)


async def test_it_refuses_a_prompt_longer_than_the_context(local):
    _answer, error = await collect_failing(local, ask("x" * 5 * CONTEXT))
    assert error.code == "prompt_too_long"
    assert str(CONTEXT) in error.message
    assert await alive(local)


async def test_it_ends_a_reply_where_the_context_ends(endless):
    answer = await collect(endless, ask(max_tokens=100_000))
    finished = answer.finished
    assert finished.finish_reason == "length"
    assert finished.prompt_tokens + finished.completion_tokens == CONTEXT
    assert await alive(endless)


async def test_it_refuses_a_prompt_longer_than_the_cache(tiny_folder: Path):
    engine = LocalEngine(str(tiny_folder), cache_size=128)
    await engine.start()
    try:
        assert engine.models[0].context_tokens == 128
        _answer, error = await collect_failing(engine, ask("x" * 200))
        assert error.code == "prompt_too_long"
        full = await collect(engine, ask("hi", max_tokens=1000, temperature=0))
        assert full.prompted.prompt_tokens + full.tokens == 128
        assert await alive(engine)
    finally:
        await engine.stop()


@pytest.mark.parametrize("token", [-1, 10**6, 2**80])
async def test_it_takes_ids_of_another_model_for_their_text(local, token):
    progress = Progress(text="abc", token_ids=(token,), completion_tokens=1)
    answer = await collect(local, ask(progress=progress, max_tokens=9, temperature=0))
    assert answer.finished.completion_tokens == 9
    assert await alive(local)


async def test_it_takes_ids_that_say_something_else_for_their_text(local):
    honest = Progress(text="abc", completion_tokens=3)
    wrong = Progress(text="abc", token_ids=(70, 71), completion_tokens=3)
    options = {"max_tokens": 9, "temperature": 0}
    one = await collect(local, ask(progress=honest, **options))
    other = await collect(local, ask(progress=wrong, **options))
    assert one.text == other.text


async def test_it_refuses_a_request_that_is_running(local):
    first = asyncio.create_task(collect(local, ask(max_tokens=60, id="same")))
    await asyncio.sleep(0)
    _answer, error = await collect_failing(local, ask(id="same"))
    assert error.code == "duplicate_request"
    assert (await first).tokens == 60
    assert await alive(local)


async def test_it_refuses_work_before_it_is_started(tiny_folder: Path):
    engine = LocalEngine(str(tiny_folder))
    assert engine.problem == "not started"
    _answer, error = await collect_failing(engine, ask())
    assert error.code == "not_ready"
    assert error.retryable
