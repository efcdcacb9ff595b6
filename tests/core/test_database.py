"""The threads that work on the database."""

from __future__ import annotations

import asyncio
import threading

import pytest

from chat.database import in_bulk, settle
from tests.reading import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_waits_for_what_a_cancelled_task_left_to_a_thread() -> None:
    """Or its transaction would outlive the process's readiness to end."""
    began, may_end, ended = (threading.Event() for _ in range(3))

    def work() -> None:
        began.set()
        may_end.wait(PATIENCE)
        ended.set()

    task = asyncio.create_task(in_bulk(work))
    await asyncio.to_thread(began.wait, PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    settling = asyncio.create_task(settle())
    await asyncio.sleep(0)
    assert not settling.done()
    may_end.set()
    await settling
    assert ended.is_set()


async def test_nothing_to_wait_for() -> None:
    await settle()
