"""The model that ships, through the engine that serves it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chat.engines.local import LocalEngine
from chat.engines.local_models import DEMO_PATH
from tests.engines.helpers import ask, collect, collect_some

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "How do I stop a reply?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(str(DEMO_PATH))
    await engine.start()
    yield engine
    await engine.stop()


async def test_it_answers_in_words_and_ends_by_itself(demo):
    answer = await collect(demo, ask(QUESTION, temperature=0))
    assert answer.finished.finish_reason == "stop"
    assert len(answer.text.split()) > 3
    assert "\ufffd" not in answer.text


async def test_it_answers_many_at_once_as_it_answers_one(demo):
    alone = await collect(demo, ask(QUESTION, temperature=0))
    requests = [ask(QUESTION, id=f"{n}", temperature=0) for n in range(32)]
    answers = await asyncio.gather(*(collect(demo, request) for request in requests))
    assert {answer.text for answer in answers} == {alone.text}


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 1, "seed": 4}])
async def test_it_continues_as_if_nothing_had_happened(demo, options):
    whole = await collect(demo, ask(QUESTION, **options))
    first = await collect_some(demo, ask(QUESTION, **options), 5)
    rest = await collect(demo, ask(QUESTION, progress=first.progress(), **options))
    assert first.text + rest.text == whole.text
    assert rest.finished == whole.finished
