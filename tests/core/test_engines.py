"""Engines that load in the background, and a runner that waits for them."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from chat.database import in_database
from chat.engines import registry
from chat.engines.base import EngineError, ModelInfo, ModelState
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


class FetchedEngine(SlowEngine):
    problem = "downloading it: 1 GB of 2 GB"

    def states(self) -> dict[str, ModelState]:
        state = ModelState("downloading", self.problem, 10**9, 2 * 10**9)
        return {"scripted": state}


async def test_it_tells_how_far_a_model_is(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    FetchedEngine.loaded = asyncio.Event()
    serve(monkeypatch, FetchedEngine)
    here = await process.start()
    try:

        async def told() -> bool:
            return here.engines.states()["scripted"].name == "downloading"

        await eventually(told)
        response = await sync_to_async(Client().get)("/readyz")
        assert response.status_code == 503
        assert "1 GB of 2 GB" in response.json()["engine"]
        assert response.json()["models"] == {
            "scripted": {
                "state": "downloading",
                "message": "downloading it: 1 GB of 2 GB",
                "bytes": 10**9,
                "total_bytes": 2 * 10**9,
            }
        }

        client = Client()
        await sync_to_async(client.force_login)(alice)
        listed = await sync_to_async(client.get)("/api/models")
        assert listed.json()["items"][0]["state"] == "downloading"
    finally:
        await process.stop()


async def test_it_tells_which_model_failed(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, BrokenEngine)
    here = await process.start()
    try:
        with pytest.raises(EngineError):
            await here.engines.loaded()
        told = (await sync_to_async(Client().get)("/readyz")).json()
        assert told["models"]["scripted"]["state"] == "failed"
        assert "no such model" in told["models"]["scripted"]["message"]
    finally:
        await process.stop()
