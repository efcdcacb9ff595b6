"""A long prompt does not hold up short ones, and is read all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engines.local import LocalEngine
from chat.engines.local.scheduler import (
    LEAST,
    STEP_SECONDS,
    TOKENS_A_SECOND,
    WORTH,
    Pace,
    rank,
)
from tests.engines.helpers import ask, collect, eventually, hold

BOOK = "word " * 90
"""About 450 tokens of the tiny model's 512."""
TOKENS = st.integers(1, 100_000)


@pytest.fixture
async def engine(tiny_folder: Path):
    """One that reads prompts in many small portions."""
    engine = LocalEngine(str(tiny_folder), cache_size=8192, max_batch_tokens=8)
    await engine.start()
    yield engine
    await engine.stop()


async def first(engine: LocalEngine, order: list[str], name: str, prompt: str) -> None:
    answer = await collect(engine, ask(prompt, id=name, max_tokens=1, temperature=0))
    assert answer.tokens == 1
    order.append(name)


async def test_a_short_prompt_overtakes_a_long_one(engine, monkeypatch):
    order: list[str] = []
    gate = hold(engine, monkeypatch, lambda step: step == 3)
    book = asyncio.create_task(first(engine, order, "book", BOOK))
    await gate.wait()
    hello = asyncio.create_task(first(engine, order, "hello", "hi"))
    await eventually(lambda: len(engine._worker.output_router.result_handlers) == 2)
    gate.open()
    await asyncio.gather(hello, book)

    assert order == ["hello", "book"]


async def test_many_short_ones_do_not_starve_a_long_one(engine):
    order: list[str] = []
    stop = False

    async def chatter(name: str) -> None:
        number = 0
        while not stop:
            number += 1
            await first(engine, order, f"{name}{number}", "hi")

    chatters = [asyncio.create_task(chatter(name)) for name in "abcdefgh"]
    async with asyncio.timeout(60):
        await first(engine, order, "book", BOOK)
    stop = True
    await asyncio.gather(*chatters)

    assert "book" in order


async def test_answers_are_the_same_in_whatever_order_prompts_are_read(engine):
    prompts = [BOOK, "hi", "word " * 40, "hello there"]
    asked = [
        ask(prompt, id=f"alone {number}", max_tokens=12, temperature=0)
        for number, prompt in enumerate(prompts)
    ]
    alone = [(await collect(engine, request)).token_ids for request in asked]

    together = await asyncio.gather(*[collect(engine, request) for request in asked])

    assert [answer.token_ids for answer in together] == alone


@given(TOKENS, TOKENS, st.floats(0, 1000))
def test_of_two_that_waited_as_long_the_shorter_is_first(short, more, waited):
    assert rank(short, waited) < rank(short + more, waited)


@given(TOKENS, TOKENS)
def test_nobody_is_overtaken_for_ever(long, short):
    assert rank(long, long / TOKENS_A_SECOND + 1) < rank(short, 0)


class TestPace:
    """How much of the prompts a step reads."""

    def test_it_begins_with_small_steps(self) -> None:
        assert Pace().budget(1000) == LEAST

    def test_a_fast_model_reads_as_much_as_the_replies_that_run_can_wait(self) -> None:
        pace = Pace()
        pace.note(LEAST, seconds=STEP_SECONDS / 3)
        assert pace.budget(1000) == 3 * LEAST
        assert pace.budget(200) == 200

    def test_a_slow_one_reads_little(self) -> None:
        pace = Pace()
        pace.note(LEAST, seconds=10)
        assert pace.budget(1000) == LEAST
        assert pace.budget(8) == 8

    def test_steps_that_read_nothing_say_nothing(self) -> None:
        pace = Pace()
        pace.note(WORTH - 1, seconds=1e-6)
        assert pace.budget(1000) == LEAST

    def test_what_else_keeps_the_processor_does_not_count(self) -> None:
        pace = Pace()
        pace.note(LEAST, seconds=STEP_SECONDS / 4)
        pace.note(LEAST, seconds=10)
        assert pace.budget(1000) > 3 * LEAST

    def test_it_follows_a_model_that_becomes_slower(self) -> None:
        pace = Pace()
        pace.note(LEAST, seconds=STEP_SECONDS / 4)
        for _step in range(200):
            pace.note(LEAST, seconds=10)
        assert pace.budget(1000) == LEAST


async def test_it_measures_its_model(tiny_folder: Path) -> None:
    engine = LocalEngine(str(tiny_folder), cache_size=8192)
    await engine.start()
    await collect(engine, ask(BOOK, max_tokens=1, temperature=0))
    pace = engine._worker.batch_processor.scheduler.pace
    assert pace.budget(100_000) > LEAST
    await engine.stop()
