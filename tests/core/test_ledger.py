"""What a runner writes for many generations at a time: each still for itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from django.db import DataError

from chat.database import in_database
from chat.running import job, outcomes, prepare
from chat.running.lease import claim
from chat.running.ledger import Ledger
from tests.core.helpers import ask, ended, finish, fresh, runner_of
from tests.reading import eventually, finished, scripted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def batches(monkeypatch) -> list[int]:
    """How many ends each transaction wrote."""
    sizes: list[int] = []
    finish_all = outcomes.finish_all

    def counting(ends):
        sizes.append(len(ends))
        time.sleep(0.02)
        return finish_all(ends)

    monkeypatch.setattr(outcomes, "finish_all", counting)
    return sizes


def claimed_jobs(alice, count: int) -> list[job.Job]:
    for number in range(count):
        ask(alice, f"n={number}")
    return prepare.prepare(claim("owner", count))


async def finish_together(jobs: list[job.Job]) -> list:
    ledger = Ledger()
    return await asyncio.gather(
        *(ledger.finish(one, ended(one.lease, one.row.model)) for one in jobs),
        return_exceptions=True,
    )


async def test_ends_that_come_together_are_written_together(alice, batches) -> None:
    jobs = await in_database(claimed_jobs, alice, 4)

    rows = await finish_together(jobs)

    assert batches == [4]
    assert [row.pk for row in rows] == [one.row.pk for one in jobs]
    for one in jobs:
        assert (await in_database(fresh, one.row)).status == "done"


async def test_ends_that_come_meanwhile_are_the_next_ones(alice, batches) -> None:
    jobs = await in_database(claimed_jobs, alice, 4)
    ledger = Ledger()
    first = asyncio.create_task(ledger.finish(jobs[0], ended(jobs[0].lease)))
    await eventually(lambda: batches)
    rest = [ledger.finish(one, ended(one.lease)) for one in jobs[1:]]

    await asyncio.gather(first, *rest)

    assert batches == [1, 3]


async def test_each_is_fenced_for_itself(alice) -> None:
    jobs = await in_database(claimed_jobs, alice, 3)
    await in_database(finish, jobs[1].lease, ended(jobs[1].lease, "by another way"))
    late = ended(jobs[1].lease)
    ledger = Ledger()

    def outcome(one: job.Job) -> outcomes.Outcome:
        if one is jobs[1]:
            return replace(late, last_seq=late.last_seq + 1)
        return ended(one.lease)

    rows = await asyncio.gather(*(ledger.finish(one, outcome(one)) for one in jobs))

    assert [row is not None for row in rows] == [True, False, True]
    stored = await in_database(fresh, jobs[1].row)
    assert stored.message.content == "by another way"


async def test_one_that_cannot_be_written_does_not_hold_up_the_others(
    alice, monkeypatch
) -> None:
    jobs = await in_database(claimed_jobs, alice, 3)
    finish_all = outcomes.finish_all

    def choosy(ends):
        if any(lease == jobs[1].lease for lease, _outcome in ends):
            raise DataError("it does not fit")
        return finish_all(ends)

    monkeypatch.setattr(outcomes, "finish_all", choosy)

    rows = await finish_together(jobs)

    assert isinstance(rows[1], DataError)
    assert [row.status for row in (rows[0], rows[2])] == ["done", "done"]


async def test_one_that_cannot_be_loaded_does_not_hold_up_the_others(
    alice, monkeypatch
) -> None:
    first = await in_database(ask, alice, "pace=0 n=3")
    broken = await in_database(ask, alice, "pace=0 n=3")
    last = await in_database(ask, alice, "pace=0 n=3")
    make = prepare.job_of

    def choosy(lease, row, messages):
        if row.pk == broken.pk:
            raise ValueError("a row no program wrote")
        return make(lease, row, messages)

    monkeypatch.setattr(prepare, "job_of", choosy)
    async with runner_of():
        rows = [await finished(one) for one in (first, last)]

    assert [row.message.content for row in rows] == [scripted(3)] * 2
    assert (await in_database(fresh, broken)).status == "running"
