"""Engines that load in the background, and a runner that waits for them."""

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User

from chat.database import in_database
from chat.engines import registry
from chat.engines.base import EngineError, ModelInfo
from chat.engines.scripted import ScriptedEngine
from chat.running import process
from tests.core.helpers import ask
from tests.reading import eventually

INFO = (ModelInfo("scripted", "Scripted"),)


class SlowEngine(ScriptedEngine):
    loaded = asyncio.Event()

    async def start(self) -> None:
        await self.loaded.wait()


class BrokenEngine(ScriptedEngine):
    async def start(self) -> None:
        raise EngineError("model_not_found", "There is no such model.")


def serve(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    monkeypatch.setattr(registry, "offers", lambda: [registry.Offer(INFO, engine)])


async def test_it_claims_nothing_while_a_model_loads(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    SlowEngine.loaded = asyncio.Event()
    serve(monkeypatch, SlowEngine)
    here = await process.start()
    try:
        generation = await in_database(ask, alice, "pace=0 n=3")
        assert here.engines.problem == "scripted is loading"
        await asyncio.sleep(0.2)
        await in_database(generation.refresh_from_db)
        assert generation.status == "queued"

        SlowEngine.loaded.set()

        async def ended() -> bool:
            await in_database(generation.refresh_from_db)
            return generation.status == "done"

        await eventually(ended)
    finally:
        await process.stop()


async def test_it_says_why_a_model_cannot_be_loaded(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, BrokenEngine)
    here = await process.start()
    try:
        with pytest.raises(EngineError, match="no such model"):
            await here.engines.loaded()
        assert here.engines.problem == "scripted: There is no such model."
    finally:
        await process.stop()
