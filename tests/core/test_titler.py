"""The model is asked for titles, beside the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from chat import nudges, titles
from chat.engines.base import (
    Chunk,
    Engine,
    EngineError,
    EngineEvent,
    EngineRequest,
    Finished,
    ModelInfo,
)
from chat.models import Conversation, Generation
from chat.running import titler
from chat.running.titler import Titler
from tests.api.helpers import answered
from tests.core.helpers import OneEngine
from tests.reading import PATIENCE, eventually

pytestmark = pytest.mark.django_db(transaction=True)


class Namer(Engine):
    """Says the words, and remembers what it was asked."""

    def __init__(self, *words: str, error: EngineError | None = None) -> None:
        self.models = [ModelInfo("scripted", "Namer")]
        self.words, self.error = words, error
        self.requests: list[EngineRequest] = []
        self.said = 0
        self.hold = asyncio.Event()
        self.hold.set()

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        self.requests.append(request)
        await self.hold.wait()
        if self.error:
            raise self.error
        for word in self.words:
            self.said += 1
            yield Chunk(word, tokens=1)
        yield Finished("stop")


@pytest_asyncio.fixture
async def told() -> AsyncIterator[asyncio.Queue[tuple[str, ...]]]:
    """What open pages are told."""
    news: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()

    def hear(*what: str) -> None:
        news.put_nowait(what)

    nudges.changed.connect(hear)
    yield news
    nudges.changed.disconnect(hear)


@pytest.fixture(autouse=True)
def on(settings: Any) -> None:
    settings.CHAT_AUTO_TITLES = True


async def named(engine: Engine, *generations: Generation) -> list[str]:
    """The titles, after all were heard of and worked through."""
    worker = Titler(OneEngine(engine))
    worker.start()
    for generation in generations:
        worker.hear(str(generation.pk))
    await asyncio.wait_for(worker.settled(), PATIENCE)
    await worker.stop()
    rows = Conversation.objects.order_by("created").values_list("title", flat=True)
    return [title async for title in rows]


@pytest.mark.asyncio
class TestTitler:
    @pytest_asyncio.fixture
    async def row(self, alice) -> Generation:
        return await sync_to_async(answered)(alice, prompt="How is tea made?")

    async def test_it_names_a_conversation_and_tells_its_pages(self, row, told) -> None:
        engine = Namer("Making ", "tea", "\nand more")

        assert await named(engine, row) == ["Making tea"]
        changed = await asyncio.wait_for(told.get(), PATIENCE)
        assert changed == (str(row.user_id), "updated", str(row.conversation_id))
        stored = await Conversation.objects.aget()
        assert (stored.title_source, stored.indexed) == ("model", False)

    async def test_it_asks_little(self, row) -> None:
        engine = Namer("Making tea")
        await named(engine, row)

        [request] = engine.requests
        assert "How is tea made?" in request.messages[-1]["content"]
        assert request.params.max_tokens == titler.TOKENS
        assert request.params.thinking is False
        assert await Generation.objects.acount() == 1
        assert await Conversation.objects.acount() == 1

    async def test_it_listens_no_further_than_a_title_goes(self, row) -> None:
        engine = Namer(*["word "] * 1000)

        [title] = await named(engine, row)

        assert len(title) <= titles.TITLE_CHARS + 1
        assert engine.said < 50

    async def test_it_asks_once_in_all_processes(self, row) -> None:
        engines = [Namer("one"), Namer("two")]
        await asyncio.gather(*(named(engine, row, row) for engine in engines))

        assert sum(len(engine.requests) for engine in engines) == 1

    @pytest.mark.parametrize(
        "engine",
        [
            Namer(),
            Namer("\n", "  \n", "**"),
            Namer(error=EngineError("engine_failed", "It failed.")),
            Namer(error=EngineError("engine_failed", "It failed.", retryable=True)),
        ],
    )
    async def test_a_failure_leaves_the_prompt_s_words(self, row, engine) -> None:
        assert await named(engine, row) == ["How is tea made?"]
        assert await named(Namer("Again"), row) == ["How is tea made?"]

    async def test_an_engine_that_says_nothing_is_given_up(
        self, row, monkeypatch
    ) -> None:
        monkeypatch.setattr(titler, "SECONDS", 0.05)
        engine = Namer("late")
        engine.hold.clear()

        assert await named(engine, row) == ["How is tea made?"]

    async def test_one_that_fails_does_not_keep_the_next_from_its_title(
        self, row, alice
    ) -> None:
        other = await sync_to_async(answered)(alice)
        await Generation.objects.filter(pk=other.pk).aupdate(model="gone")

        assert "Making tea" in await named(Namer("Making tea"), other, row)

    async def test_an_end_that_is_written_down_is_heard_of(self, alice, row) -> None:
        heard: list[str] = []
        nudges.answered.connect(heard.append)
        try:
            other = await sync_to_async(answered)(alice)
            await eventually(lambda: heard)
        finally:
            nudges.answered.disconnect(heard.append)
        assert heard == [str(other.pk)]
