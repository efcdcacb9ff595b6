"""Readers: from any cursor to the end, whatever happens to tape, row and process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError

from chat import conversations, follow, generations, nudges
from chat.asking import Ask
from chat.database import in_database
from chat.events import Delta, Done, Failed, Snapshot, Started
from chat.gathering import gathering
from chat.models import Generation
from chat.running.process import Process
from chat.tape import SPAN, MemoryTape, Tape
from tests.core.helpers import ask, claim_one, ended, finish, fresh
from tests.reading import PATIENCE, Shown, eventually, finished, scripted, watch

ASK = Ask("scripted", {})
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quick(settings) -> None:
    settings.CHAT_HEARTBEAT_SECONDS = 0.05


def stop_with(user: User, generation: Generation, text: str) -> None:
    Generation.objects.filter(pk=generation.pk).update(text=text)
    generations.stop(user, generation.pk)


async def reader(tape: Tape, generation: Generation, after: int = 0):
    """A page that is being filled, and the task that does it."""
    page = Shown(cursor=after)

    async def run() -> Shown:
        async for events in follow.follow(tape, generation, after):
            page.take(events)
        return page

    return page, asyncio.create_task(run())


def is_waited_at(tape: Tape, generation: Generation) -> bool:
    seat = tape._seats.get(str(generation.pk))
    return seat is not None and bool(seat.waiters)


async def each_batch(generation: Generation, after: int):
    """What a reader is given where no tape knows more, and the task that reads."""
    batches: list[list] = []

    async def run() -> None:
        async for events in follow.follow(MemoryTape(), generation, after):
            batches.append(events)  # noqa: PERF401 one by one, as they come

    return batches, asyncio.create_task(run())


async def every_event(tape: Tape, generation: Generation) -> list:
    """Unmerged, so that each boundary is seen."""
    found = []
    async for events in follow.follow(tape, generation):
        found += events
    return found


class TestFinished:
    @pytest_asyncio.fixture
    async def generation(self, alice: User, running: Process) -> Generation:
        row = await in_database(ask, alice, "think pace=0 n=20")
        return await finished(row)

    async def test_a_fresh_reader_gets_everything(self, running, generation) -> None:
        page = await watch(running.tape, generation)

        assert page.names[0] == "start"
        assert page.text == scripted(20) == generation.message.content
        assert page.reasoning == generation.message.reasoning != ""
        assert isinstance(page.end, Done)

    async def test_the_start_says_where_everything_is(
        self, running, generation
    ) -> None:
        page = await watch(running.tape, generation)

        assert page.events[0] == Started(
            generation=str(generation.pk),
            conversation=str(generation.conversation_id),
            user_message=str(generation.message.parent_id),
            message=str(generation.message_id),
            model="scripted",
            attempt=1,
        )

    async def test_resuming_at_every_boundary_gives_the_same(
        self, running, generation
    ) -> None:
        whole = await every_event(running.tape, generation)
        assert len(whole) == 30

        for place in range(1, len(whole)):
            page = Shown().take(whole[:place])
            rest = []
            async for events in follow.follow(running.tape, generation, page.cursor):
                rest += events
            assert rest == whole[place:]
            assert page.take(rest).text == scripted(20)

    async def test_resuming_after_the_tape_forgot_it(self, running, generation) -> None:
        whole = await every_event(running.tape, generation)

        for place in range(len(whole)):
            page = Shown().take(whole[:place])
            async for events in follow.follow(MemoryTape(), generation, page.cursor):
                page.take(events)
            assert page.text == scripted(20), place
            assert page.reasoning == generation.message.reasoning
            assert page.end == whole[-1][1]
            assert page.names.count("snapshot") <= 1

    async def test_who_has_everything_but_the_end_gets_just_the_end(
        self, running, generation
    ) -> None:
        after = generation.last_seq - 1
        page = await watch(MemoryTape(), generation, after)

        assert page.names == ["done"]

    async def test_at_the_end_nothing_follows(self, running, generation) -> None:
        for tape in (running.tape, MemoryTape()):
            page = await watch(tape, generation, generation.last_seq)
            assert page.events == []

    async def test_the_end_tells_usage_and_timing(self, running, generation) -> None:
        page = await watch(MemoryTape(), generation)

        assert page.end.usage == {
            "prompt_tokens": 4,
            "completion_tokens": 28,
            "total_tokens": 32,
        }
        timing = page.end.timing
        assert 0 <= timing["queue_ms"] <= timing["ttft_ms"] <= timing["total_ms"]
        assert timing["tokens_per_second"] is None or timing["tokens_per_second"] > 0


async def test_a_reader_of_a_live_one_gets_it_as_it_comes(alice, running) -> None:
    generation = await in_database(ask, alice, "pace=0.01 hang=20")
    page, task = await reader(running.tape, generation)

    await eventually(lambda: page.text == scripted(20))
    assert page.end is None
    await in_database(generations.stop, alice, generation.pk)
    await task

    assert page.text == scripted(20)
    assert page.end.finish_reason == "stopped"


async def test_many_readers_read_the_same(alice, running) -> None:
    generation = await in_database(ask, alice, "pace=0.002 n=50")

    pages = await asyncio.gather(*[watch(running.tape, generation) for _ in range(30)])

    assert {page.text for page in pages} == {scripted(50)}


async def test_a_reader_that_leaves_changes_nothing(alice, running) -> None:
    generation = await in_database(ask, alice, "pace=0.01 n=20")
    page, task = await reader(running.tape, generation)
    await eventually(lambda: page.text)

    task.cancel()

    assert (await finished(generation)).message.content == scripted(20)


async def test_while_the_process_is_behind_it_reads_in_handfuls(
    alice, running, monkeypatch
) -> None:
    await running_late(monkeypatch)
    generation = await in_database(ask, alice, "pace=0.002 n=40")
    batches = [
        [event.name for _seq, event in events]
        async for events in follow.follow(running.tape, generation)
    ]
    page = await watch(running.tape, generation)

    assert len(batches) < 20
    assert page.text == scripted(40)


async def running_late(monkeypatch) -> None:
    """As if the loop were behind, all the time."""
    gathering.stop()
    monkeypatch.setattr(gathering, "seconds", 0.1)


async def test_a_cursor_from_the_future_ends_with_the_generation(
    alice, running, quick
) -> None:
    generation = await in_database(ask, alice, "pace=0.01 n=10")

    late = watch(running.tape, generation, 10**17)
    page = await asyncio.wait_for(late, PATIENCE)

    assert page.events == []


class TestQueued:
    async def test_it_tells_the_place_in_the_queue(self, alice, quick) -> None:
        _first, second = [await in_database(ask, alice) for _ in range(2)]
        tape = MemoryTape()
        page, task = await reader(tape, second)

        await eventually(lambda: "queued" in page.names)
        assert page.last("queued").position == 2
        await in_database(claim_one)
        await eventually(lambda: page.last("queued").position == 1)

        numbers = page.cursor
        task.cancel()
        assert numbers < SPAN
        assert page.names == ["start", "queued", "queued"]

    async def test_also_behind_a_text_that_is_continued(self, alice, quick) -> None:
        tape = MemoryTape()
        first = await in_database(ask, alice, "first")
        old = await in_database(ask, alice, "hello")
        await in_database(stop_with, alice, old, "so far")
        new = await in_database(generations.go_on, alice, old.message_id, ASK)
        page, task = await reader(tape, new)
        await eventually(lambda: "queued" in page.names)

        assert page.names == ["start", "snapshot", "queued"]
        assert (page.text, page.last("queued").position) == ("so far", 2)
        await in_database(generations.stop, alice, first.pk)
        await eventually(lambda: page.last("queued").position == 1)
        writer = tape.open(str(new.pk), 1, new.last_seq, Snapshot("so far"))
        writer.append(Delta(" and on"))
        await eventually(lambda: page.text == "so far and on")
        assert page.names.count("snapshot") == 1
        task.cancel()

    async def test_text_follows_the_place(self, alice, quick) -> None:
        generation = await in_database(ask, alice)
        tape = MemoryTape()
        page, task = await reader(tape, generation)
        await eventually(lambda: "queued" in page.names)

        held = await in_database(claim_one)
        writer = tape.open(str(generation.pk), 1, 0, Snapshot())
        writer.append(Delta("all"))
        end = replace(ended(held), last_seq=writer.next_seq)
        await in_database(finish, held, end)
        writer.append(Done("stop"))

        await task
        assert page.text == "all"
        assert "snapshot" not in page.names

    async def test_stopping_ends_its_readers_at_once(
        self, alice, settings, monkeypatch
    ) -> None:
        settings.CHAT_HEARTBEAT_SECONDS = 600
        monkeypatch.setattr(follow, "LOOK_SECONDS", 600)
        generation = await in_database(ask, alice)
        tape = MemoryTape()
        nudges.ended.connect(tape.nudge)
        page, task = await reader(tape, generation)
        await eventually(lambda: is_waited_at(tape, generation))

        await in_database(generations.stop, alice, generation.pk)

        await asyncio.wait_for(task, PATIENCE)
        nudges.ended.disconnect(tape.nudge)
        assert page.end.finish_reason == "stopped"

    async def test_one_handed_back_tells_no_place_to_who_has_text(
        self, alice, quick
    ) -> None:
        """Its number could be that of a delta on its way from another process."""
        generation = await in_database(ask, alice)
        batches, task = await each_batch(generation, SPAN + 5)
        await eventually(lambda: len(batches) >= 3)
        task.cancel()

        assert not any(batches)


class TestSilence:
    async def test_heartbeats_are_empty_batches(self, alice, quick) -> None:
        generation = await in_database(ask, alice)
        await in_database(claim_one)
        generation = await in_database(fresh, generation)
        batches, task = await each_batch(generation, SPAN + 5)
        await eventually(lambda: len(batches) >= 3)
        task.cancel()

        assert batches[:3] == [[], [], []]

    async def test_closing_ends_it_without_an_end(self, alice) -> None:
        """So that the client resumes elsewhere."""
        generation = await in_database(ask, alice)
        tape = MemoryTape()
        page, task = await reader(tape, generation)
        await eventually(lambda: is_waited_at(tape, generation))

        tape.close_readers()

        await asyncio.wait_for(task, PATIENCE)
        assert page.end is None

    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    async def test_a_database_that_is_away_only_costs_news(
        self, alice, quick, monkeypatch, error
    ) -> None:
        generation = await in_database(ask, alice)
        held = await in_database(claim_one)
        away, tried = True, []
        load = follow.load

        def flaky(pk):
            tried.append(pk)
            if away:
                raise error("gone")
            return load(pk)

        monkeypatch.setattr(follow, "load", flaky)
        page, task = await reader(MemoryTape(), generation)
        await eventually(lambda: len(tried) > 2)
        assert not task.done()
        away = False
        await in_database(finish, held, ended(held))

        await asyncio.wait_for(task, PATIENCE)
        assert page.text == "all"

    async def test_an_end_that_nobody_told_of_is_found(self, alice, quick) -> None:
        """Another process without our tape finished it."""
        generation = await in_database(ask, alice)
        held = await in_database(claim_one)
        page, task = await reader(MemoryTape(), generation)
        await in_database(finish, held, ended(held))

        await asyncio.wait_for(task, PATIENCE)
        assert (page.text, page.end.finish_reason) == ("all", "stop")


async def test_deleting_the_conversation_ends_its_readers(alice, running) -> None:
    generation = await in_database(ask, alice, "pace=0.01 hang=20")
    page, task = await reader(running.tape, generation)
    await eventually(lambda: page.text)

    def delete() -> None:
        for pk in conversations.delete([generation.conversation_id], alice):
            nudges.stop.send(str(pk))

    await in_database(delete)

    await asyncio.wait_for(task, PATIENCE)
    assert isinstance(page.end, Failed)
    assert page.end.code == "deleted"
    await eventually(lambda: running.runner.running == 0)


async def test_end_of_waits_for_the_end(alice, running) -> None:
    generation = await in_database(ask, alice, "pace=0.01 n=5")

    row = await follow.end_of(running.tape, generation)

    assert (row.status, row.message.content) == ("done", scripted(5))
