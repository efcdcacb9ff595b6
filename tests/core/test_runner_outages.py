"""The database goes away in the middle of answers, and comes back."""

from __future__ import annotations

import asyncio

import pytest
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from chat.database import in_database
from chat.events import Done
from chat.running import lease, outcomes
from chat.tape import MemoryTape
from tests.core.helpers import Held, ask, fresh, runner_of, text_on_the_way
from tests.reading import PATIENCE, eventually, finished, scripted, watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick"),
]


class TestOutage:
    """The database goes away in the middle of answers, and comes back."""

    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    @pytest.mark.parametrize("committed", [False, True])
    async def test_checkpoints_never_double_text(
        self, alice, monkeypatch, settings, error, committed
    ) -> None:
        """In doubt is the worst case: committed, but the answer was lost."""
        settings.CHAT_CHECKPOINT_SECONDS = 0.01
        checkpoint, calls, engine = outcomes.checkpoint, [], Held(40)
        enough, loop = asyncio.Event(), asyncio.get_running_loop()

        def flaky(news):
            calls.append(news)
            if len(calls) == 3:
                loop.call_soon_threadsafe(enough.set)
            if len(calls) % 2:
                if committed:
                    checkpoint(news)
                raise error("gone")
            checkpoint(news)
            if len(calls) == 2:
                loop.call_soon_threadsafe(engine.say, 10)  # news for the third

        monkeypatch.setattr(outcomes, "checkpoint", flaky)
        generation = await in_database(ask, alice, "pace=0.005 n=80")
        tape = MemoryTape()
        async with runner_of("first", tape, engine):
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
        away, tried = True, []
        finish_all = outcomes.finish_all

        def flaky(ends):
            tried.append(ends)
            if away:
                raise OperationalError("gone")
            return finish_all(ends)

        monkeypatch.setattr(outcomes, "finish_all", flaky)
        generation = await in_database(ask, alice, "pace=0 n=20")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            await text_on_the_way(tape, generation, 20)
            await eventually(lambda: len(tried) > 1)
            assert tape.state(str(generation.pk))[1].text == scripted(20)
            away = False
            page = await asyncio.wait_for(watch(tape, generation), PATIENCE)
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
            page = await asyncio.wait_for(watch(tape, generation), PATIENCE)

        assert len(calls) == 2
        assert (page.text, page.names.count("done")) == (scripted(5), 1)

    async def test_longer_than_the_lease_nothing_starts_again(
        self, alice, settings, monkeypatch
    ) -> None:
        """The same runner must not take its own generation over."""
        settings.CHAT_LEASE_SECONDS = 0.3
        claim, renew, away, looked = lease.claim, lease.renew, True, []

        def flaky(owner, held):
            if away:
                raise OperationalError("gone")
            return renew(owner, held)

        def looking(*args, **how):
            until = fresh(generation).lease_until
            if until and until < timezone.now() and not how["fresh"]:
                looked.append(args)
            return claim(*args, **how)

        monkeypatch.setattr(lease, "renew", flaky)
        monkeypatch.setattr(lease, "claim", looking)
        generation = await in_database(ask, alice, "pace=0.01 n=60")
        engine = Held(40)
        async with runner_of(engine=engine):
            await eventually(lambda: len(looked) > 3)
            away = False
            engine.say(20)
            row = await finished(generation)

        assert (row.attempt, row.message.content) == (1, scripted(60))

    async def test_claiming_goes_on_when_it_is_back(self, alice, monkeypatch) -> None:
        claim, calls = lease.claim, []

        def flaky(*args, **how):
            calls.append(args)
            if len(calls) < 4:
                raise OperationalError("gone")
            return claim(*args, **how)

        monkeypatch.setattr(lease, "claim", flaky)
        generation = await in_database(ask, alice, "pace=0 n=5")
        async with runner_of():
            row = await finished(generation)

        assert row.status == "done"
