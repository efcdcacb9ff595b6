"""Drained, crashed or lost: the next owner goes on, and no character doubles."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import generations, nudges
from chat.database import in_database
from chat.engines.base import Chunk, Engine, EngineLost, ModelInfo
from chat.follow import follow
from chat.models import Generation
from chat.running import driver, lease, outcomes
from chat.tape import MemoryTape
from tests.core.helpers import (
    Held,
    ask,
    crash,
    expire,
    fresh,
    runner_of,
    text_on_the_way,
)
from tests.reading import Shown, eventually, finished, scripted, watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick"),
]


class TestHandOver:
    """Drained, crashed or lost: the next owner goes on, and no character doubles."""

    async def test_draining_hands_back_and_the_next_goes_on(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0.005 n=60")
        tape, page = MemoryTape(), Shown()
        async with runner_of("first", tape, Held(30)):
            await text_on_the_way(tape, generation, 10)
        row = await in_database(fresh, generation)
        assert (row.status, row.owner, row.attempt) == ("queued", "", 1)
        assert row.text == scripted(row.completion_tokens)
        while news := tape.read(str(row.pk), page.cursor):
            page.take(news)

        async with runner_of("second", tape):
            row = await finished(generation)
        while news := tape.read(str(row.pk), page.cursor):
            page.take(news)

        assert (row.attempt, row.message.content) == (2, scripted(60))
        assert (page.text, row.completion_tokens) == (scripted(60), 60)
        assert "snapshot" not in page.names

    async def test_in_a_new_process_a_reader_gets_at_most_one_snapshot(
        self, alice
    ) -> None:
        generation = await in_database(ask, alice, "pace=0.005 n=60")
        tape, page = MemoryTape(), Shown()
        async with runner_of("first", tape, Held(30)):
            await text_on_the_way(tape, generation, 10)
            page.take(tape.read(str(generation.pk), 0))

        new = MemoryTape()
        async with runner_of("second", new):
            row = await in_database(fresh, generation)
            rest = await watch(new, row, page.cursor)
            page.take(zip(range(10**9, 10**9 + 999), rest.events, strict=False))

        assert page.text == scripted(60)
        assert page.names.count("snapshot") <= 1

    @pytest.mark.parametrize("seen", [0, 1, 5])
    async def test_after_a_crash_it_goes_on_from_the_checkpoint(
        self, alice, seen
    ) -> None:
        generation = await in_database(ask, alice, "pace=0.005 n=60")
        tape, page = MemoryTape(), Shown()
        async with runner_of("first", tape, Held(30)) as first:
            await text_on_the_way(tape, generation, 10)
            await crash(first)
        whole = tape.read(str(generation.pk), 0)
        page.take(whole[:seen] if seen < 5 else whole)
        await in_database(expire, generation)

        new = MemoryTape()
        async with runner_of("second", new):
            row = await in_database(fresh, generation)
            async for news in follow_from(new, row, page.cursor):
                page.take(news)
            row = await finished(generation)

        assert row.attempt == 2
        assert row.message.content == page.text == scripted(60)
        assert row.completion_tokens == 60
        assert page.names.count("snapshot") <= 2

    async def test_a_crash_before_the_first_checkpoint_rewinds_to_nothing(
        self, alice, settings
    ) -> None:
        settings.CHAT_CHECKPOINT_SECONDS = 60
        generation = await in_database(ask, alice, "pace=0.005 n=60")
        tape, page = MemoryTape(), Shown()
        async with runner_of("first", tape, Held(30)) as first:
            await text_on_the_way(tape, generation, 10)
            page.take(tape.read(str(generation.pk), 0))
            await crash(first)
        assert page.text
        await in_database(expire, generation)

        new = MemoryTape()
        async with runner_of("second", new):
            async for news in follow_from(new, generation, page.cursor):
                page.take(news)
            row = await finished(generation)

        assert row.message.content == page.text == scripted(60)

    async def test_an_owner_that_slept_too_long_does_no_harm(
        self, alice, settings
    ) -> None:
        """Both write at the same time, on one tape; only the newer counts."""
        settings.CHAT_LEASE_SECONDS = 600
        generation = await in_database(ask, alice, "pace=0.01 n=60")
        tape, engine = MemoryTape(), Held(20)
        async with runner_of("late", tape, engine) as late:
            await text_on_the_way(tape, generation, 5)
            nudges.queue.disconnect(late.wake)
            late._loops[0].cancel()
            await in_database(expire, generation)
            async with runner_of("new", tape):
                await eventually(lambda: in_database(is_attempt, generation, 2))
                engine.say(100)
                row = await finished(generation)
                page = await watch(tape, row)
                await eventually(lambda: late.running == 0)

        assert (row.owner, row.attempt) == ("new", 2)
        assert row.message.content == page.text == scripted(60)

    async def test_a_lost_lease_ends_the_old_owners_work(self, alice, settings) -> None:
        settings.CHAT_LEASE_SECONDS = 0.3
        generation = await in_database(ask, alice, "pace=0.01 hang=20")
        tape = MemoryTape()
        async with runner_of("late", tape) as late:
            await text_on_the_way(tape, generation, 5)
            await Generation.objects.filter(pk=generation.pk).aupdate(
                owner="somebody",
                attempt=2,
                lease_until=timezone.now() + timedelta(hours=1),
            )
            await eventually(lambda: late.running == 0)

        row = await in_database(fresh, generation)
        assert (row.owner, row.status) == ("somebody", "running")

    async def test_a_dead_engine_sends_it_to_the_queue_a_few_times(
        self, alice, monkeypatch
    ) -> None:
        monkeypatch.setattr(driver, "LOST_PAUSE_SECONDS", 0)
        requests = []

        class Dying(Engine):
            models = [ModelInfo("scripted", "Dying")]

            async def stream(self, request):
                requests.append(request)
                yield Chunk(f"{len(requests)} ", tokens=1)
                raise EngineLost("engine_lost", "It is dead.")

        generation = await in_database(ask, alice)
        async with runner_of(engine=Dying()):
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "engine_lost")
        assert len(requests) == lease.MAX_ATTEMPTS
        assert requests[-1].progress.text == "1 2 3 4 "
        assert row.message.content == "1 2 3 4 5 "

    async def test_a_claim_that_meets_a_drain_is_not_forgotten(self, alice) -> None:
        for _round in range(8):
            generation = await in_database(ask, alice, "pace=0.01 hang=20")
            async with runner_of() as runner:
                runner.wake()
                await asyncio.sleep(0.002 * _round)
            row = await in_database(fresh, generation)
            assert row.status == "queued"
            await in_database(generations.stop, alice, generation.pk)


def is_attempt(generation: Generation, number: int) -> bool:
    return fresh(generation).attempt == number


async def follow_from(tape, generation, after):
    async for events in follow(tape, generation, after):
        yield events


async def test_a_checkpoint_in_flight_and_a_hand_back_do_not_meet(
    alice, monkeypatch
) -> None:
    """Both appending the same news would double it."""
    checkpoint = outcomes.checkpoint

    def slow(news):
        time.sleep(0.03)
        checkpoint(news)

    monkeypatch.setattr(outcomes, "checkpoint", slow)
    for _round in range(5):
        generation = await in_database(ask, alice, "pace=0.002 n=500 hang=400")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            await text_on_the_way(tape, generation, 5 + 3 * _round)
        row = await in_database(fresh, generation)
        assert row.text == scripted(row.completion_tokens)
        await in_database(generations.stop, alice, generation.pk)
