"""A start that nobody waits before is its own process's at once, and only then."""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.contrib.auth.models import User

from chat import asking, generations, nudges
from chat.database import in_database
from chat.engines.base import Engine
from chat.models import Generation, Message
from chat.running import claims, desk, runner
from chat.running.claims import Claimed
from chat.running.desk import Counter, Room
from chat.tape import MemoryTape
from tests.core.helpers import Held, ask, fresh, runner_of, text_on_the_way
from tests.core.racing import THREADS, race
from tests.reading import eventually, finished, scripted, watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick"),
]


@asynccontextmanager
async def at_the_desk(
    tape: MemoryTape | None = None, engine: Engine | None = None
) -> AsyncIterator[runner.Runner]:
    """A runner that starts find."""
    async with runner_of(tape=tape, engine=engine) as here:
        await here._engines.loaded()
        desk.desk.open(here.counter)
        try:
            yield here
        finally:
            desk.desk.close()


@pytest.fixture
def no_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes anything from the queue."""
    monkeypatch.setattr(runner, "claim", lambda *_how: Claimed(jobs=[]))


@pytest.fixture
def counter() -> AsyncIterator[list]:
    """A runner without a loop, which is handed jobs and does nothing with them."""
    jobs: list = []

    class Loop:
        def call_soon_threadsafe(self, _begin, job, _moment) -> None:
            jobs.append(job)

    here = Counter("here", Room(), lambda model: model != "later", jobs.append, Loop())
    desk.desk.open(here)
    yield jobs
    desk.desk.close()


@pytest.mark.usefixtures("no_claims")
class TestAtOnce:
    async def test_it_is_claimed_as_it_is_stored_and_driven_to_its_end(
        self, alice: User
    ) -> None:
        tape = MemoryTape()
        async with at_the_desk(tape) as here:
            generation = await in_database(ask, alice, "pace=0 n=5")
            told = await watch(tape, generation)
            row = await finished(generation)

        assert (generation.status, generation.owner) == ("running", here.owner)
        assert generation.message.parent_id, "whoever asked still has all of it"
        assert (row.status, row.attempt, row.crashes) == ("done", 1, 0)
        assert row.started is not None
        assert told.text == row.message.content == scripted(5)

    async def test_a_later_turn_is_told_of_the_earlier_ones(self, alice: User) -> None:
        async with at_the_desk():
            first = await finished(await in_database(ask, alice, "pace=0 n=5"))
            again = await in_database(
                ask, alice, "pace=0 n=2", conversation=first.conversation_id
            )
            row = await finished(again)

        assert (row.status, row.message.content) == ("done", scripted(2))
        assert row.prompt_tokens > first.prompt_tokens

    async def test_an_answer_is_continued_behind_its_text(self, alice: User) -> None:
        async with at_the_desk():
            asked = await in_database(
                ask, alice, "pace=0 n=9", params={"max_tokens": 4}
            )
            cut = await finished(asked)
            more = await in_database(
                generations.go_on, alice, cut.message_id, asking.Ask("", {})
            )
            row = await finished(more)

        assert cut.finish_reason == "length"
        assert row.message.content == scripted(9)

    async def test_a_stop_before_it_is_driven(self, alice: User, monkeypatch) -> None:
        """Somebody who saw the row in the database may be that quick."""
        prepared = desk.prepared

        def late(leases, rows):
            jobs = prepared(leases, rows)
            for held in leases:
                generations.halt(held.generation)
            return jobs

        monkeypatch.setattr(desk, "prepared", late)
        async with at_the_desk():
            row = await finished(await in_database(ask, alice, "pace=0 n=1000"))

        assert row.status == "stopped"

    async def test_it_is_handed_back_by_a_runner_that_ends(self, alice: User) -> None:
        tape = MemoryTape()
        async with at_the_desk(tape, Held(3)):
            generation = await in_database(ask, alice, "pace=0 n=9")
            await text_on_the_way(tape, generation, 3)

        row = await in_database(fresh, generation)
        assert (row.status, row.owner, row.crashes) == ("queued", "", 0)
        assert row.text == scripted(3)

    async def test_it_is_handed_back_by_one_that_ended_before_it_came(
        self, alice: User, monkeypatch
    ) -> None:
        prepared, may = desk.prepared, asyncio.Event()
        loop = asyncio.get_running_loop()

        def late(leases, rows):
            asyncio.run_coroutine_threadsafe(may.wait(), loop).result()
            return prepared(leases, rows)

        async with runner_of() as here:
            await here._engines.loaded()
            desk.desk.open(here.counter)
            before = await in_database(ask, alice, "pace=0 n=1")
            await finished(before)
            monkeypatch.setattr(desk, "prepared", late)
            asked = asyncio.create_task(in_database(ask, alice, "pace=0 n=9"))
            await eventually(lambda: in_database(Generation.objects.live().exists))
            desk.desk.close()
            loop.call_later(0.05, may.set)
            await here.drain(0)

        row = await in_database(fresh, await asked)
        assert (row.status, row.owner, row.attempt) == ("queued", "", 1)


class TestOtherwise:
    def test_it_is_queued_where_no_runner_is(self, alice: User) -> None:
        assert ask(alice).status == "queued"

    def test_it_is_queued_while_somebody_waits(
        self, alice: User, bob: User, counter: list
    ) -> None:
        waits = ask(bob, model="scripted")
        Generation.objects.filter(pk=waits.pk).update(status="queued", owner="")

        assert ask(alice).status == "queued"

    def test_it_is_queued_beyond_the_users_bound(
        self, alice: User, bob: User, counter: list, settings
    ) -> None:
        settings.CHAT_USER_CONCURRENCY = 2

        assert [ask(alice).status for _ in range(3)] == ["running", "running", "queued"]
        assert ask(bob).status == "queued", "somebody waits"

    def test_it_is_queued_where_there_is_no_room(
        self, alice: User, bob: User, counter: list, settings
    ) -> None:
        settings.CHAT_MAX_RUNNING = 1

        assert [ask(user).status for user in (alice, bob)] == ["running", "queued"]

    def test_it_is_queued_for_a_model_that_is_still_to_come(
        self, alice: User, counter: list, monkeypatch
    ) -> None:
        monkeypatch.setattr(asking, "choose", lambda _user, named, *_how: named)

        assert ask(alice, model="later").status == "queued"
        assert counter == []

    def test_what_is_refused_takes_no_place(
        self, alice: User, counter: list, settings, monkeypatch
    ) -> None:
        settings.CHAT_MAX_RUNNING = 1

        def refuse(_rows) -> None:
            raise RuntimeError

        with monkeypatch.context() as broken:
            broken.setattr(asking.GENERATIONS, "insert", refuse)
            with pytest.raises(RuntimeError):
                ask(alice)

        assert not Message.objects.exists()
        assert ask(alice).status == "running"

    def test_the_same_key_is_the_same_answer(self, alice: User, counter: list) -> None:
        first, again = ask(alice, key="k"), ask(alice, key="k")

        assert first.pk == again.pk
        assert [job.lease.generation for job in counter] == [first.pk]

    def test_what_cannot_be_prepared_goes_to_the_queue(
        self, alice: User, counter: list, monkeypatch
    ) -> None:
        def broken(*_how) -> None:
            raise RuntimeError

        monkeypatch.setattr(desk, "prepared", broken)
        heard = []
        monkeypatch.setattr(nudges.queue, "send", lambda: heard.append("look"))

        row = fresh(ask(alice))

        assert (row.status, row.owner, row.crashes) == ("queued", "", 0)
        assert (heard, counter) == (["look"], [])

    async def test_whoever_waits_comes_when_there_is_room(
        self, alice: User, settings
    ) -> None:
        settings.CHAT_USER_CONCURRENCY = 1
        engine = Held(0)
        async with at_the_desk(engine=engine):
            rows = [await in_database(ask, alice, "pace=0 n=2") for _ in range(3)]
            engine.say(6)
            ended = [await finished(row) for row in rows]

        assert [row.status for row in rows] == ["running", "queued", "queued"]
        assert {row.status for row in ended} == {"done"}

    def test_starts_at_the_same_moment_keep_the_users_bound(
        self, alice: User, counter: list, settings
    ) -> None:
        settings.CHAT_USER_CONCURRENCY = 2

        rows = race(lambda _number: ask(alice))

        held = Counts(row.status for row in rows)
        assert held == {"running": 2, "queued": THREADS - 2}
        assert len(counter) == 2


def test_room_is_never_taken_twice(settings) -> None:
    settings.CHAT_MAX_RUNNING = 10
    room = Room()

    got = race(lambda _number: room.take(3))

    assert sum(got) == room.taken == 10
    room.give(4)
    assert room.take(9) == 4


def test_the_queue_is_claimed_and_prepared_in_one(alice: User) -> None:
    row = ask(alice)

    claimed = claims.claim("owner", 9, set(), frozenset(), fresh=True)

    assert [job.row.pk for job in claimed.jobs or []] == [row.pk]
    assert not claimed.more
