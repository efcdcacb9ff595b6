"""Engines that load in the background, and a runner that does what it can meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from chat.database import in_database
from chat.engines import registry
from chat.engines.base import EngineError, ModelInfo, ModelState
from chat.engines.scripted import ScriptedEngine
from chat.engines.shelf import Loadable, Shelf
from chat.models import Generation, GuardRule
from chat.running import process
from chat.running import runner as runner_module
from tests.core.helpers import ask
from tests.reading import eventually, finished

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


class Book(ScriptedEngine, Loadable):
    """One of two models; in memory once it `may_load`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.may_load = asyncio.Event()
        self.failure: EngineError | None = None
        self.state = ModelState("waiting")

    def states(self) -> dict[str, ModelState]:
        return {self.models[0].id: self.state}

    async def measure(self) -> int:
        return 1

    async def start(self) -> None:
        self.state = ModelState("downloading")
        await self.may_load.wait()
        if self.failure is not None:
            raise self.failure
        self.state = ModelState("ready")

    async def stop(self) -> None:
        self.state = ModelState("waiting")


class Two:
    """Two models, of which one is loaded, and who asks them."""

    def __init__(self, asker: User) -> None:
        self.slow, self.quick = Book("slow"), Book("quick")
        self.quick.may_load.set()
        self._asker = asker

    async def ask(self, model: str) -> Generation:
        return await in_database(ask, self._asker, "pace=0 n=3", model=model)

    def on_a_shelf(self, first: str | None) -> list[registry.Offer]:
        books = [self.slow, self.quick]
        infos = tuple(book.models[0] for book in books)
        return [registry.Offer(infos, lambda: Shelf(books, 2, first=first))]

    def on_their_own(self) -> list[registry.Offer]:
        """As a model of this process, and another one or an engine elsewhere."""
        return [
            registry.Offer((book.models[0],), lambda book=book: book)
            for book in (self.slow, self.quick)
        ]

    def with_the_first(self) -> list[registry.Offer]:
        return self.on_a_shelf("slow")


Arranged = Callable[[Two], list[registry.Offer]]
EITHER_WAY = pytest.mark.parametrize("arranged", [Two.with_the_first, Two.on_their_own])


@asynccontextmanager
async def serving(
    offers: list[registry.Offer], poll: float = 600
) -> AsyncIterator[None]:
    """Nothing may depend on looking now and then, if not for once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(registry, "offers", lambda: offers)
        patched.setattr(runner_module, "POLL_SECONDS", poll)
        await process.start()
        try:
            yield
        finally:
            await process.stop()


async def is_queued(generation: Generation) -> bool:
    await in_database(generation.refresh_from_db)
    return (generation.status, generation.attempt) == ("queued", 0)


def knows_that_it_loads(model: str) -> bool:
    """Nothing that was begun before is still being claimed."""
    here = process.current()
    assert here.runner is not None
    return here.engines.loading == {model} and not here.runner._are_coming


@pytest.mark.django_db(transaction=True)
class TestOneOfTwoModels:
    @EITHER_WAY
    async def test_what_asks_for_the_other_does_not_wait(
        self, alice: User, arranged: Arranged
    ) -> None:
        two = Two(alice)
        async with serving(arranged(two)):
            waits = [await two.ask("slow") for _ in range(2)]
            for _ in range(2):
                row = await finished(await two.ask("quick"))
                assert row.status == "done"
            assert [await is_queued(each) for each in waits] == [True, True]
            assert "slow" in process.current().engines.loading

            two.slow.may_load.set()

            rows = [await finished(each) for each in waits]
            assert [(row.status, row.attempt) for row in rows] == [("done", 1)] * 2

    @EITHER_WAY
    async def test_what_waits_for_one_that_fails_is_told_why(
        self, alice: User, arranged: Arranged
    ) -> None:
        two = Two(alice)
        two.slow.failure = EngineError("model_gated", "Its terms were not accepted.")
        # A `Slot` that fails leaves what waits to others first.
        poll = 0.05 if arranged is Two.on_their_own else 600
        async with serving(arranged(two), poll):
            waits = await two.ask("slow")
            await finished(await two.ask("quick"))
            assert await is_queued(waits)

            two.slow.may_load.set()

            row = await finished(waits)
            told = (row.status, row.error_code, row.error_message)
            assert told == ("failed", "model_gated", "Its terms were not accepted.")
            assert (await finished(await two.ask("quick"))).status == "done"

    async def test_it_is_loaded_for_the_first_who_asks_and_the_next_ones_wait(
        self, alice: User
    ) -> None:
        two = Two(alice)
        async with serving(two.on_a_shelf(None)):
            await eventually(lambda: not process.current().engines.loading)
            first = await two.ask("slow")
            await eventually(lambda: knows_that_it_loads("slow"))
            second = await two.ask("slow")
            assert (await finished(await two.ask("quick"))).status == "done"
            assert await is_queued(second)
            assert not await is_queued(first)

            two.slow.may_load.set()

            rows = [await finished(each) for each in (first, second)]
            assert [(row.status, row.attempt) for row in rows] == [("done", 1)] * 2

    async def test_nothing_is_answered_before_the_model_that_checks_it_is_there(
        self, alice: User
    ) -> None:
        await GuardRule.objects.acreate(
            name="Judge", kind="judge", model="slow", action="flag", on_answers=True
        )
        two = Two(alice)
        async with serving(two.with_the_first()):
            waits = await two.ask("quick")
            look = partial(runner_module.claim, "another", 9, ())
            found = await in_database(look, frozenset({"slow"}), False)
            assert (found.leases, found.more, found.jobs) == ([], False, [])
            assert await is_queued(waits)

            two.slow.may_load.set()

            assert (await finished(waits)).status == "done"
