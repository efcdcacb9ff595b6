"""The runner: whatever happens, the text is there once, and the end is true."""

from __future__ import annotations

import asyncio
import time

import pytest
from django.db import InterfaceError, OperationalError

from chat import conversations, driver, generations, lease, nudges, outcomes
from chat import runner as runner_module
from chat.database import in_database
from chat.engines.base import Chunk, Engine, EngineLost, Finished, ModelInfo, Prompted
from chat.events import Done, Failed
from chat.follow import follow
from chat.models import Generation
from chat.tape import MemoryTape
from tests.core.helpers import ask, crash, expire, fresh, runner_of
from tests.reading import Shown, eventually, finished, scripted, watch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch) -> None:
    settings.CHAT_CHECKPOINT_SECONDS = 0.02
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.05)


async def text_on_the_way(tape: MemoryTape, generation: Generation, tokens: int = 3):
    """Until some tokens have been said."""
    key = str(generation.pk)

    def look() -> bool:
        state = tape.state(key)
        return state is not None and state[1].text.count("t") >= tokens

    await eventually(look)


class TestEnds:
    async def test_done(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=5")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.finish_reason) == ("done", "stop")
        assert (row.message.content, row.message.status) == (scripted(5), "done")
        assert (row.prompt_tokens, row.completion_tokens) == (3, 5)
        assert (row.text, row.token_ids, row.owner != "") == ("", "", True)

    async def test_length(self, alice) -> None:
        generation = await in_database(
            ask, alice, "pace=0 n=50", params={"max_tokens": 7}
        )
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.finish_reason) == ("done", "length")
        assert row.message.content == scripted(7)

    async def test_an_empty_answer(self, alice) -> None:
        generation = await in_database(ask, alice, "n=0")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.message.content) == ("done", "")
        assert row.first_token is None

    async def test_an_engine_that_fails_in_the_middle(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=50 fail=5")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            row = await finished(generation)
            page = await watch(tape, row)

        assert (row.status, row.error_code) == ("failed", "engine_failed")
        assert row.error_retryable
        assert row.message.content == page.text == scripted(5)
        assert isinstance(page.end, Failed)

    async def test_too_long(self, alice, settings) -> None:
        settings.CHAT_MAX_GENERATION_SECONDS = 0.1
        generation = await in_database(ask, alice, "pace=0 n=50 hang=4")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "generation_timeout")
        assert row.message.content == scripted(4)

    async def test_a_model_that_is_gone(self, alice) -> None:
        generation = await in_database(ask, alice)
        await Generation.objects.aupdate(model="gone")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "model_not_found")

    async def test_a_bug_in_an_engine(self, alice, caplog) -> None:
        class Buggy(Engine):
            models = [ModelInfo("scripted", "Buggy")]

            async def stream(self, request):
                yield Chunk("half", tokens=1)
                raise ZeroDivisionError

        generation = await in_database(ask, alice)
        async with runner_of(engine=Buggy()):
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "internal_error")
        assert row.message.content == "half"
        assert "ZeroDivisionError" in caplog.text

    async def test_an_engine_that_ends_without_a_reason(self, alice) -> None:
        class Mute(Engine):
            models = [ModelInfo("scripted", "Mute")]

            async def stream(self, request):
                yield Chunk("half", tokens=1)

        generation = await in_database(ask, alice)
        async with runner_of(engine=Mute()):
            row = await finished(generation)

        assert (row.status, row.message.content) == ("failed", "half")

    async def test_text_no_database_takes(self, alice) -> None:
        class Odd(Engine):
            models = [ModelInfo("scripted", "Odd")]

            async def stream(self, request):
                yield Chunk("a\0b\ud800", tokens=1)
                await asyncio.sleep(0.1)  # through a checkpoint
                yield Finished("stop")

        generation = await in_database(ask, alice)
        tape = MemoryTape()
        async with runner_of(tape=tape, engine=Odd()):
            row = await finished(generation)
            page = await watch(tape, row)

        assert row.message.content == page.text == "ab?"

    async def test_the_row_is_ended_before_its_readers_hear_of_it(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=5")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            page = await watch(tape, generation)
            row = await in_database(fresh, generation)

        assert isinstance(page.end, Done)
        assert (row.status, page.cursor) == ("done", row.last_seq)

    async def test_many_at_once(self, alice) -> None:
        rows = [await in_database(ask, alice, f"pace=0.001 n={n}") for n in range(30)]
        async with runner_of():
            for n, generation in enumerate(rows):
                row = await finished(generation)
                assert row.message.content == scripted(n)

    async def test_never_more_than_allowed(self, alice, settings) -> None:
        settings.CHAT_MAX_RUNNING = 2
        rows = [await in_database(ask, alice, "pace=0.005 n=10") for _ in range(6)]
        async with runner_of() as runner:
            seen = []
            while not await in_database(lambda: fresh(rows[-1]).finished):
                seen.append(runner.running)
                await asyncio.sleep(0.01)

        assert max(seen) == 2


class TestStop:
    async def test_it_ends_at_once_and_keeps_text_and_counts(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0.01 n=1000")
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
        closed = asyncio.Event()

        class Slow(Engine):
            models = [ModelInfo("scripted", "Slow")]

            async def stream(self, request):
                try:
                    yield Prompted(1)
                    await asyncio.Event().wait()
                finally:
                    closed.set()

        generation = await in_database(ask, alice)
        async with runner_of(engine=Slow()) as runner:
            await eventually(lambda: runner.running)
            await asyncio.sleep(0.05)
            await in_database(generations.stop, alice, generation.pk)
            await asyncio.wait_for(closed.wait(), 1)
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
        prepare = runner_module.prepare

        def slow(claimed):
            jobs = prepare(claimed)
            for held in claimed:
                generations.stop(alice, held.generation)
            time.sleep(0.05)
            return jobs

        monkeypatch.setattr(runner_module, "prepare", slow)
        generation = await in_database(ask, alice, "pace=0 n=1000")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.message.content) == ("stopped", "")

    async def test_when_the_nudge_is_lost_it_is_found_in_the_row(
        self, alice, settings
    ) -> None:
        settings.CHAT_LEASE_SECONDS = 0.3
        generation = await in_database(ask, alice, "pace=0.01 n=1000")
        tape = MemoryTape()
        async with runner_of(tape=tape) as runner:
            nudges.stop.disconnect(runner.stop)
            await text_on_the_way(tape, generation)
            await in_database(generations.stop, alice, generation.pk)
            row = await finished(generation, 3)

        assert row.status == "stopped"

    async def test_a_stop_that_meets_a_hand_over_is_kept(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0.01 n=1000")
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
        gone = await in_database(ask, alice, "pace=0.01 n=1000")
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
        generation = await in_database(ask, alice, "pace=0.01 n=1000")
        tape = MemoryTape()
        async with runner_of(tape=tape) as runner:
            await text_on_the_way(tape, generation)
            await in_database(conversations.delete, [generation.conversation_id], alice)
            await eventually(lambda: runner.running == 0, 3)


class TestHandOver:
    """Drained, crashed or lost: the next owner goes on, and no character doubles."""

    async def test_draining_hands_back_and_the_next_goes_on(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0.005 n=60")
        tape, page = MemoryTape(), Shown()
        async with runner_of("first", tape):
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
        async with runner_of("first", tape):
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
        async with runner_of("first", tape) as first:
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
        async with runner_of("first", tape) as first:
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
        settings.CHAT_LEASE_SECONDS = 30
        generation = await in_database(ask, alice, "pace=0.01 n=60")
        tape = MemoryTape()
        async with runner_of("late", tape) as late:
            await text_on_the_way(tape, generation, 5)
            nudges.queue.disconnect(late.wake)
            late._loops[0].cancel()
            await in_database(expire, generation)
            async with runner_of("new", tape):
                row = await finished(generation)
                page = await watch(tape, row)
                await eventually(lambda: late.running == 0)

        assert (row.owner, row.attempt) == ("new", 2)
        assert row.message.content == page.text == scripted(60)

    async def test_a_lost_lease_ends_the_old_owners_work(self, alice, settings) -> None:
        settings.CHAT_LEASE_SECONDS = 0.3
        generation = await in_database(ask, alice, "pace=0.01 n=1000")
        tape = MemoryTape()
        async with runner_of("late", tape) as late:
            await text_on_the_way(tape, generation, 5)
            await Generation.objects.filter(pk=generation.pk).aupdate(
                owner="somebody", attempt=2
            )
            await eventually(lambda: late.running == 0, 3)

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
            generation = await in_database(ask, alice, "pace=0.01 n=500")
            async with runner_of() as runner:
                runner.wake()
                await asyncio.sleep(0.002 * _round)
            row = await in_database(fresh, generation)
            assert row.status == "queued"
            await in_database(generations.stop, alice, generation.pk)


async def follow_from(tape, generation, after):
    async for events in follow(tape, generation, after):
        yield events


class TestOutage:
    """The database goes away in the middle of answers, and comes back."""

    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    @pytest.mark.parametrize("committed", [False, True])
    async def test_checkpoints_never_double_text(
        self, alice, monkeypatch, settings, error, committed
    ) -> None:
        """In doubt is the worst case: committed, but the answer was lost."""
        settings.CHAT_CHECKPOINT_SECONDS = 0.01
        checkpoint, failures = outcomes.checkpoint, [0]
        enough, loop = asyncio.Event(), asyncio.get_running_loop()

        def flaky(news):
            failures[0] += 1
            if failures[0] == 3:
                loop.call_soon_threadsafe(enough.set)
            if failures[0] % 2:
                if committed:
                    checkpoint(news)
                raise error("gone")
            checkpoint(news)

        monkeypatch.setattr(outcomes, "checkpoint", flaky)
        generation = await in_database(ask, alice, "pace=0.005 n=80")
        tape = MemoryTape()
        async with runner_of("first", tape):
            await text_on_the_way(tape, generation, 30)
            await enough.wait()
        row = await in_database(fresh, generation)
        assert row.text == scripted(row.completion_tokens)

        async with runner_of("second", MemoryTape()):
            row = await finished(generation)
        assert row.message.content == scripted(80)

    async def test_streaming_goes_on_and_the_end_waits(
        self, alice, monkeypatch
    ) -> None:
        away = True
        finish_all = outcomes.finish_all

        def flaky(ends):
            if away:
                raise OperationalError("gone")
            return finish_all(ends)

        monkeypatch.setattr(outcomes, "finish_all", flaky)
        generation = await in_database(ask, alice, "pace=0 n=20")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            await text_on_the_way(tape, generation, 20)
            await asyncio.sleep(0.1)
            assert tape.state(str(generation.pk))[1].text == scripted(20)
            away = False
            page = await asyncio.wait_for(watch(tape, generation), 5)
            row = await finished(generation)

        assert isinstance(page.end, Done)
        assert row.message.content == page.text == scripted(20)

    async def test_an_end_whose_answer_was_lost_is_told_once(
        self, alice, monkeypatch
    ) -> None:
        finish_all, calls = outcomes.finish_all, []

        def flaky(ends):
            calls.append(finish_all(ends))
            if len(calls) == 1:
                raise OperationalError("gone")
            return calls[-1]

        monkeypatch.setattr(outcomes, "finish_all", flaky)
        generation = await in_database(ask, alice, "pace=0 n=5")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            page = await asyncio.wait_for(watch(tape, generation), 5)

        assert len(calls) == 2
        assert (page.text, page.names.count("done")) == (scripted(5), 1)

    async def test_longer_than_the_lease_nothing_starts_again(
        self, alice, settings, monkeypatch
    ) -> None:
        """The same runner must not take its own generation over."""
        settings.CHAT_LEASE_SECONDS = 0.3
        renew, away = lease.renew, True

        def flaky(owner, held):
            if away:
                raise OperationalError("gone")
            return renew(owner, held)

        monkeypatch.setattr(lease, "renew", flaky)
        generation = await in_database(ask, alice, "pace=0.01 n=120")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            await asyncio.sleep(0.7)
            away = False
            row = await finished(generation)

        assert (row.attempt, row.message.content) == (1, scripted(120))

    async def test_claiming_goes_on_when_it_is_back(self, alice, monkeypatch) -> None:
        claim, calls = lease.claim, []

        def flaky(*args):
            calls.append(args)
            if len(calls) < 4:
                raise OperationalError("gone")
            return claim(*args)

        monkeypatch.setattr(lease, "claim", flaky)
        generation = await in_database(ask, alice, "pace=0 n=5")
        async with runner_of():
            row = await finished(generation)

        assert row.status == "done"


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
        generation = await in_database(ask, alice, "pace=0.002 n=500")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            await text_on_the_way(tape, generation, 5 + 3 * _round)
        row = await in_database(fresh, generation)
        assert row.text == scripted(row.completion_tokens)
        await in_database(generations.stop, alice, generation.pk)
