"""Work on the database: from the event loop, and as one short write.

The loop never touches the database itself. All threads here keep their connections.
What a runner writes about many generations at a time (checkpoints, renewals, ends)
goes through one thread, in order: two transactions that lock the same rows in another
order would wait for each other. Its other work has two threads. Readers, of whom there
may be thousands, look at their rows through a thread of their own, so that no lease is
renewed late because of them; exports, imports and chores take turns in another one, a
step at a time; requests have their own pool (`chatsite.handler`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

THREADS = 2
LONGEST_PAUSE = 2.0
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
_ordered = ThreadPoolExecutor(1, thread_name_prefix="ordered")
_readers = ThreadPoolExecutor(1, thread_name_prefix="readers")
_bulk = ThreadPoolExecutor(1, thread_name_prefix="bulk")
_working: set[Future[Any]] = set()
"""What threads do at the moment, also for tasks that have been cancelled."""

CLAIMS = 0x43480001
"""What `take_turns` counts apart, in a database that others may share."""


class Turns:
    """A lock for threads that others may pass: of those that queue up, one at a time
    competes with who is `ahead`. Whoever holds it may take it again in the same way;
    who is ahead never joins the queue, whose first one may wait for just that."""

    def __init__(self) -> None:
        self._queue, self.ahead = threading.RLock(), threading.RLock()

    def __enter__(self) -> None:
        self._queue.acquire()
        self.ahead.acquire()

    def __exit__(self, *error: object) -> None:
        self.ahead.release()
        self._queue.release()


_sqlite_writer = Turns()


@contextmanager
def write(*, ahead: bool = False) -> Iterator[None]:
    """One transaction, in turn."""
    with writing(ahead=ahead), transaction.atomic():
        yield


def writing(*, ahead: bool = False) -> AbstractContextManager[Any]:
    """Around a write. SQLite's own busy-wait is unfair (p99 four times longer), so
    writers of one process take turns at a lock. `ahead`: one write for many at a time,
    for which all of them would wait behind those who come after them."""
    if connection.vendor != "sqlite":
        return nullcontext()
    return _sqlite_writer.ahead if ahead else _sqlite_writer


def take_turns(lock: int, number: int = 0) -> None:
    """Until this transaction ends, nobody else passes here with these numbers.

    Then what the next statement counts, and what is written because of it, is one
    step for all processes. On SQLite every write already has its turn.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [lock, number])


def join_turn(lock: int, number: int = 0) -> None:
    """The same beside others that join: only those who take turns there wait."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(%s, %s)", [lock, number]
            )


async def in_database(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run sync database work in a thread that keeps its connection."""
    return await _in(_pool, partial(work, *args, **kwargs))


async def in_order(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same, after everything that came here before."""
    return await _in(_ordered, partial(work, *args, **kwargs))


async def for_reader(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same, for what a reader wants to know."""
    return await _in(_readers, partial(work, *args, **kwargs))


async def in_bulk(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same, for one step of something long."""
    return await _in(_bulk, partial(work, *args, **kwargs))


async def _in(pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
    def run() -> R:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    done = pool.submit(run)
    _working.add(done)
    done.add_done_callback(_working.discard)
    return await asyncio.wrap_future(done)


async def settle() -> None:
    """Wait for what threads still do for tasks that no longer wait for it."""
    waits = [asyncio.wrap_future(done) for done in list(_working)]
    await asyncio.gather(*waits, return_exceptions=True)


async def persistently(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`in_database`, again and again while the database is away.

    For work that must not be lost and that is safe to repeat. The caller bounds it
    by being cancelled.
    """
    return await _persist(_pool, partial(work, *args, **kwargs))


async def persistently_in_order(
    work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """`in_order`, in the same way. Others pass it while it waits."""
    return await _persist(_ordered, partial(work, *args, **kwargs))


async def _persist(pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
    pause = 0.05
    while True:
        try:
            return await _in(pool, work)
        except (OperationalError, InterfaceError) as error:
            logger.warning("database unavailable, trying again: %s", error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
