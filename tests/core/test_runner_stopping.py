"""An answer that is stopped or deleted while the runner writes it."""

from __future__ import annotations

import asyncio
import time

import pytest

from chat import conversations, generations, nudges
from chat.database import in_database
from chat.engines.base import Engine, ModelInfo, Prompted
from chat.models import Generation
from chat.running import claims
from chat.tape import MemoryTape
from tests.core.helpers import ask, fresh, runner_of, text_on_the_way
from tests.reading import PATIENCE, eventually, finished, scripted, watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick"),
]


class TestStop:
    async def test_it_ends_at_once_and_keeps_text_and_counts(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0.01 hang=20")
        tape = MemoryTape()
        async with runner_of(tape=tape) as runner:
            await text_on_the_way(tape, generation)
            await in_database(generations.stop, alice, generation.pk)
            await eventually(lambda: runner.running == 0)
            row = await finished(generation)
            page = await watch(tape, row)

        assert (row.status, row.finish_reason) == ("stopped", "stopped")
        assert row.message.content == page.text == scripted(row.completion_tokens)
        assert page.end.finish_reason == "stopped"

    async def test_the_engine_hears_of_it(self, alice) -> None:
        began, closed = asyncio.Event(), asyncio.Event()

        class Slow(Engine):
            models = [ModelInfo("scripted", "Slow")]

            async def stream(self, request):
                try:
                    yield Prompted(1)
                    began.set()
                    await asyncio.Event().wait()
                finally:
                    closed.set()

        generation = await in_database(ask, alice)
        async with runner_of(engine=Slow()):
            await asyncio.wait_for(began.wait(), PATIENCE)
            await in_database(generations.stop, alice, generation.pk)
            await asyncio.wait_for(closed.wait(), PATIENCE)
            row = await finished(generation)

        assert (row.status, row.prompt_tokens) == ("stopped", 1)

    async def test_twice_and_after_the_end_it_changes_nothing(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=5")
        async with runner_of():
            row = await finished(generation)
            for _ in range(2):
                await in_database(generations.stop, alice, generation.pk)

        again = await in_database(fresh, generation)
        assert (again.status, again.finished) == ("done", row.finished)

    async def test_between_claim_and_prepare(self, alice, monkeypatch) -> None:
        prepare = claims.prepare

        def slow(claimed):
            jobs = prepare(claimed)
            for held in claimed:
                generations.stop(alice, held.generation)
            time.sleep(0.05)
            return jobs

        monkeypatch.setattr(claims, "prepare", slow)
        generation = await in_database(ask, alice, "pace=0 n=1000")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.message.content) == ("stopped", "")

    async def test_when_the_nudge_is_lost_it_is_found_in_the_row(
        self, alice, settings
    ) -> None:
        settings.CHAT_LEASE_SECONDS = 0.3
        generation = await in_database(ask, alice, "pace=0.01 hang=20")
        tape = MemoryTape()
        async with runner_of(tape=tape) as runner:
            nudges.stop.disconnect(runner.stop)
            await text_on_the_way(tape, generation)
            await in_database(generations.stop, alice, generation.pk)
            row = await finished(generation)

        assert row.status == "stopped"

    async def test_a_stop_that_meets_a_hand_over_is_kept(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0.01 hang=20")
        tape = MemoryTape()
        async with runner_of("first", tape):
            await text_on_the_way(tape, generation)
            await Generation.objects.filter(pk=generation.pk).aupdate(
                stop_requested=True
            )
        async with runner_of("second", tape):
            row = await finished(generation)

        assert row.status == "stopped"
        assert row.message.content.startswith("t0 t1 t2")


class TestDelete:
    async def test_the_runner_goes_on_with_others(self, alice) -> None:
        gone = await in_database(ask, alice, "pace=0.01 hang=20")
        kept = await in_database(ask, alice, "pace=0.01 n=40")
        tape = MemoryTape()
        async with runner_of(tape=tape) as runner:
            await text_on_the_way(tape, gone)
            [live] = await in_database(
                conversations.delete, [gone.conversation_id], alice
            )
            nudges.stop.send(str(live))
            row = await finished(kept)
            await eventually(lambda: runner.running == 0)

        assert row.message.content == scripted(40)

    async def test_without_a_nudge_the_lease_loop_finds_out(
        self, alice, settings
    ) -> None:
        settings.CHAT_LEASE_SECONDS = 0.3
        generation = await in_database(ask, alice, "pace=0.01 hang=20")
        tape = MemoryTape()
        async with runner_of(tape=tape) as runner:
            await text_on_the_way(tape, generation)
            await in_database(conversations.delete, [generation.conversation_id], alice)
            await eventually(lambda: runner.running == 0)
