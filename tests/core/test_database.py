"""The threads that work on the database."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractContextManager

import pytest

from chat.database import Turns, in_bulk, settle
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


def taken_by_another(lock: AbstractContextManager[object]) -> threading.Event:
    """Set once another thread has had its turn."""
    done = threading.Event()

    def take() -> None:
        with lock:
            done.set()

    threading.Thread(target=take, daemon=True).start()
    return done


def test_who_is_ahead_waits_for_who_writes_but_not_for_the_queue() -> None:
    turns = Turns()
    with turns:
        ahead = taken_by_another(turns.ahead)
        queued = [taken_by_another(turns) for _ in range(3)]
        assert not ahead.wait(0.05)
        # The writer is done, and the first of the queue has not got there yet.
        turns.ahead.release()
        assert ahead.wait(PATIENCE)
        assert not any(done.is_set() for done in queued)
        turns.ahead.acquire()
    assert all(done.wait(PATIENCE) for done in queued)


def test_whoever_has_a_turn_may_take_it_again() -> None:
    turns = Turns()
    with turns, turns:
        other = taken_by_another(turns)
    assert other.wait(PATIENCE)
    with turns.ahead, turns.ahead:
        other = taken_by_another(turns)
        assert not other.wait(0.05)
    assert other.wait(PATIENCE)
