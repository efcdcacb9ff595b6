"""Which generations this process drives: claims them, keeps their leases, drains them.

One runner per process drives any number of them, each in a task of its own
(`chat.running.driver`). What it writes about them, it writes for many at a time
(`chat.running.ledger`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from .. import generations, nudges
from ..database import in_database, in_order, persistently
from ..engines.registry import Engines
from ..observe import logs, metrics, tracing
from ..screening.rulebook import rulebook
from ..tape import Fenced, Tape
from ..waiting import wait_within
from . import lease
from .claims import claim
from .desk import Counter, Room
from .driver import Driver
from .job import Job
from .lease import Lease
from .ledger import Ledger
from .prepare import prepare

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How often to look for work that no nudge told of."""
CLAIM_AT_ONCE = 64
LOOK_SECONDS = 0.01
LET_GO_SECONDS = 5.0
"""How long a drain waits for a claim under way, and for what is handed back."""


class Runner:
    def __init__(self, owner: str, tape: Tape, engines: Engines) -> None:
        self.owner = owner
        self._engines = engines
        self._ledger = Ledger()
        self._driver = Driver(tape, engines, self._ledger)
        self._jobs: dict[UUID, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._wanted = asyncio.Event()
        self._more = False
        """Something is queued that could not be claimed yet."""
        self._room = Room()
        self._came = asyncio.Event()
        self._stopped_early: set[UUID] = set()
        self._draining = False

    @property
    def running(self) -> int:
        return len(self._jobs)

    @property
    def counter(self) -> Counter:
        """For the starts of this process."""
        return Counter(self.owner, self._room, self._serves, self._drive)

    async def start(self) -> None:
        nudges.queue.connect(self.wake)
        nudges.stop.connect(self.stop)
        self._loops = [
            asyncio.create_task(loop(), name=f"runner-{loop.__name__}")
            for loop in (self._claim_loop, self._checkpoint_loop, self._lease_loop)
        ]

    async def drain(self, grace: float) -> None:
        """Claim nothing more, give the running ones `grace` seconds, hand back the
        rest with a last checkpoint: whoever claims them goes on from there."""
        self._draining = True
        nudges.queue.disconnect(self.wake)
        self.wake()
        # A claim on its way into the database must not be forgotten.
        await asyncio.wait(self._loops[:1], timeout=LET_GO_SECONDS)
        await self._all_come()
        if self._tasks and grace:
            await asyncio.wait(self._tasks, timeout=grace)
        for job in list(self._jobs.values()):
            job.interrupt("drained")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LET_GO_SECONDS)
        nudges.stop.disconnect(self.stop)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._driver.stop()

    def wake(self) -> None:
        self._wanted.set()

    def stop(self, generation: str) -> None:
        """Somebody asked to stop it: its engine hears of it at once, if it is ours."""
        pk = UUID(generation)
        if job := self._jobs.get(pk):
            job.interrupt("stopped")
        elif self._are_coming:
            self._stopped_early.add(pk)

    # The three loops.

    async def _claim_loop(self) -> None:
        """A nudge tells of what was queued; dead owners are looked for as often as
        without one."""
        loop = asyncio.get_running_loop()
        looked = -POLL_SECONDS
        while not self._draining:
            self._wanted.clear()
            claimed = 0
            fresh = loop.time() - looked < POLL_SECONDS
            looked = looked if fresh else loop.time()
            with survive("cannot claim work"):
                claimed = await self._claim(fresh)
            if claimed < CLAIM_AT_ONCE:
                await wait_within(self._wanted, POLL_SECONDS)

    async def _checkpoint_loop(self) -> None:
        while True:
            await asyncio.sleep(settings.CHAT_CHECKPOINT_SECONDS)
            with survive("cannot checkpoint"):
                await self._ledger.checkpoint(list(self._jobs.values()))

    async def _lease_loop(self) -> None:
        while True:
            await asyncio.sleep(settings.CHAT_LEASE_SECONDS / 3)
            with survive("cannot renew leases"):
                await self._keep_leases()

    async def _claim(self, fresh: bool) -> int:
        room = self._room.take(CLAIM_AT_ONCE)
        if not room:
            self._more = True
            return 0
        unused = room
        try:
            driven = set(self._jobs)
            claimed = await in_database(
                claim, self.owner, room, driven, self._engines.loading, fresh
            )
            self._more, jobs = claimed.more, claimed.jobs
            if jobs is None:
                jobs = await self._prepared(claimed.leases)
            for job in jobs:
                unused -= 1
                self._drive(job, claimed.moment)
        finally:
            self._room.give(unused)
            self._forget_early()
        return len(claimed.leases)

    async def _prepared(self, claimed: Sequence[Lease]) -> list[Job]:
        """One that cannot be loaded must not keep the others from it."""
        try:
            return await persistently(prepare, claimed)
        except Exception:
            if len(claimed) == 1:
                # The lease runs out and somebody else tries again.
                logger.exception("cannot prepare %s", claimed[0].generation)
                return []
        return [job for held in claimed for job in await self._prepared([held])]

    async def _keep_leases(self) -> None:
        if held := set(self._jobs):
            kept = await in_order(lease.renew, self.owner, held)
            for lost in held - kept:
                if job := self._jobs.get(lost):
                    logger.info("lease of %s was taken over", lost)
                    job.interrupt("lost")
            for asked in await in_database(lease.stop_requested, self.owner):
                self.stop(str(asked))
        for dead in await in_database(lease.exhausted):
            await in_database(generations.fail_exhausted, dead)

    # What is on its way here: claimed, and not driven yet.

    @property
    def _are_coming(self) -> bool:
        return self._room.taken > len(self._tasks)

    def _forget_early(self) -> None:
        if not self._are_coming:
            self._stopped_early.clear()

    async def _all_come(self) -> None:
        """Those that starts have claimed: in a moment they are here."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LET_GO_SECONDS
        while self._are_coming and loop.time() < until:
            self._came.clear()
            await wait_within(self._came, LOOK_SECONDS)

    # One generation.

    def _serves(self, model: str) -> bool:
        """In any thread: not while it is still to come, nor one that checks what all
        others say."""
        loading = self._engines.loading
        return not loading or (
            model not in loading and loading.isdisjoint(rulebook.now().judges)
        )

    def _drive(self, job: Job, moment: int) -> None:
        """`moment`: when it was claimed, in nanoseconds. There is room for it."""
        if (tracer := tracing.here.tracer) is not None:
            job.trace = tracer.attempt(job.row, job.lease.attempt, moment)
        self._begin(job)
        self._came.set()
        self._forget_early()

    def _begin(self, job: Job) -> None:
        pk = job.lease.generation
        self._jobs[pk] = job
        metrics.running.inc()
        metrics.count_begun(job.row)
        if job.row.stop_requested or pk in self._stopped_early:
            job.interrupt("stopped")
        if self._draining:
            job.interrupt("drained")
        task = asyncio.create_task(self._run_one(job), name=f"gen-{pk}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """There is room again, here and below its user's bound: for whose turn it is.
        A process that ends tells the others."""
        self._tasks.discard(task)
        self._room.give(1)
        metrics.running.dec()
        if self._draining:
            nudges.queue.send()
        elif self._more:
            self.wake()

    async def _run_one(self, job: Job) -> None:
        pk = job.lease.generation
        logs.generation.set(str(pk))  # this task's own
        try:
            await self._driver.drive(job)
        except Fenced:
            logger.info("lease of %s was taken over", pk)
        except Exception:
            # The lease runs out and somebody else tries again.
            logger.exception("generation %s", pk)
        finally:
            if self._jobs.get(pk) is job:
                self._jobs.pop(pk)


@contextlib.contextmanager
def survive(what: str) -> Iterator[None]:
    """A loop that must not end: say what went wrong and go on."""
    try:
        yield
    except DatabaseError as error:
        logger.warning("%s: %s", what, error)
    except Exception:
        logger.exception("%s", what)
