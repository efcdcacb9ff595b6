"""claim -> stream -> append -> checkpoint -> finish.

One runner per process drives any number of generations, each in a task of its own.
The database hears of them once a second, all in one transaction; the tape at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from . import generations, lease, nudges, outcomes
from .database import in_database, persistently
from .engines.base import EngineError, EngineLost
from .engines.registry import Engines
from .follow import ending, started
from .job import Job, prepare
from .lease import Lease
from .models import Generation
from .tape import Fenced, Tape

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How often to look for work that no nudge told of."""
CLAIM_AT_ONCE = 64
LOST_PAUSE_SECONDS = 0.2


class Runner:
    def __init__(self, owner: str, tape: Tape, engines: Engines) -> None:
        self.owner = owner
        self._tape = tape
        self._engines = engines
        self._jobs: dict[UUID, Job] = {}
        self._preparing: set[UUID] = set()
        self._stopped_early: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._wanted = asyncio.Event()
        self._draining = False
        self._checkpointing = asyncio.Lock()
        """Two at a time would append the same text twice."""

    @property
    def running(self) -> int:
        return len(self._jobs)

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
        await asyncio.wait(self._loops[:1], timeout=5)
        if self._tasks and grace:
            await asyncio.wait(self._tasks, timeout=grace)
        for job in list(self._jobs.values()):
            job.interrupt("drained")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        nudges.stop.disconnect(self.stop)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def wake(self) -> None:
        self._wanted.set()

    def stop(self, generation: str) -> None:
        """Somebody asked to stop it: its engine hears of it at once, if it is ours."""
        pk = UUID(generation)
        if job := self._jobs.get(pk):
            job.interrupt("stopped")
        elif pk in self._preparing:
            self._stopped_early.add(pk)

    # The three loops.

    async def _claim_loop(self) -> None:
        while not self._draining:
            self._wanted.clear()
            claimed = 0
            with survive("cannot claim work"):
                claimed = await self._claim()
            if claimed < CLAIM_AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), POLL_SECONDS)

    async def _checkpoint_loop(self) -> None:
        while True:
            await asyncio.sleep(settings.CHAT_CHECKPOINT_SECONDS)
            with survive("cannot checkpoint"):
                await self._checkpoint()

    async def _lease_loop(self) -> None:
        while True:
            await asyncio.sleep(settings.CHAT_LEASE_SECONDS / 3)
            with survive("cannot renew leases"):
                await self._keep_leases()

    async def _claim(self) -> int:
        room = min(CLAIM_AT_ONCE, settings.CHAT_MAX_RUNNING - len(self._tasks))
        if room <= 0 or self._engines.loading:
            return 0
        driven = self._preparing | set(self._jobs)
        claimed = await in_database(lease.claim, self.owner, room, driven)
        for held in claimed:
            self._begin(held)
        return len(claimed)

    async def _checkpoint(self) -> None:
        async with self._checkpointing:
            news = [(job, new) for job in self._jobs.values() if (new := job.news())]
            if not news:
                return
            try:
                await in_database(outcomes.checkpoint, [new for _, new in news])
            except Exception:
                for job, _new in news:
                    job.doubt()
                raise
            for job, new in news:
                job.saved(new)

    async def _keep_leases(self) -> None:
        if held := set(self._jobs):
            kept = await in_database(lease.renew, self.owner, held)
            for lost in held - kept:
                if job := self._jobs.get(lost):
                    job.interrupt("lost")
            for asked in await in_database(lease.stop_requested, self.owner):
                self.stop(str(asked))
        for dead in await in_database(lease.exhausted):
            await in_database(generations.fail_exhausted, dead)

    # One generation.

    def _begin(self, held: Lease) -> None:
        task = asyncio.create_task(self._run_one(held), name=f"gen-{held.generation}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """There is room again, here and below its user's bound: for whose turn it is.
        A process that ends tells the others."""
        self._tasks.discard(task)
        if self._draining:
            nudges.queue.send()
        else:
            self.wake()

    async def _run_one(self, held: Lease) -> None:
        job = None
        try:
            job = await self._prepare(held)
            self._open(job)
            await self._drive(job)
        except Fenced:
            logger.info("lease of %s was taken over", held.generation)
        except Generation.DoesNotExist:
            logger.info("generation %s was deleted", held.generation)
        except Exception:
            # The lease runs out and somebody else tries again.
            logger.exception("generation %s", held.generation)
        finally:
            if self._jobs.get(held.generation) is job:
                self._jobs.pop(held.generation, None)

    async def _prepare(self, held: Lease) -> Job:
        """Load it. A stop that comes meanwhile is not seen by the row, so noted."""
        pk = held.generation
        self._preparing.add(pk)
        try:
            job = self._jobs[pk] = await persistently(prepare, held)
        finally:
            self._preparing.discard(pk)
        if job.row.stop_requested or pk in self._stopped_early:
            self._stopped_early.discard(pk)
            job.interrupt("stopped")
        if self._draining:
            job.interrupt("drained")
        return job

    def _open(self, job: Job) -> None:
        """Begin this attempt on the tape, behind the newest text there is: what the
        dead owner said, if this process heard all of it, else the checkpoint."""
        generation = str(job.lease.generation)
        self._tape.ground(generation, job.behind, job.so_far())
        heard = self._tape.state(generation)
        if heard is not None and heard[0] > job.behind:
            job.adopt(*heard)
        job.writer = self._tape.open(
            generation, job.lease.attempt, job.behind, job.so_far()
        )
        if job.lease.attempt > 1:
            job.writer.append(started(job.row))
        if (left := job.restart()) is not None:
            job.writer.append(left)

    async def _drive(self, job: Job) -> None:
        """Stream to the end, then write down how it ended."""
        if job.interrupted:
            return await self._interrupted(job)
        job.task = asyncio.create_task(self._stream(job))
        try:
            reason = await job.task
        except asyncio.CancelledError:
            await self._interrupted(job)
        except EngineLost as error:
            await self._requeue(job, error)
        except EngineError as error:
            await self._fail(job, error)
        except Fenced:
            raise
        except Exception:
            logger.exception("engine failed on generation %s", job.lease.generation)
            await self._fail(job, unexpected())
        else:
            await self._finish(job, "done", finish_reason=reason)

    async def _stream(self, job: Job) -> str:
        """Append what the engine says; the finish reason."""
        limit = asyncio.timeout(settings.CHAT_MAX_GENERATION_SECONDS)
        try:
            async with limit:
                engine = await self._engines.get(job.row.model)
                async with contextlib.aclosing(engine.stream(job.request())) as stream:
                    async for event in stream:
                        if (reason := job.take(event, time.time())) is not None:
                            return reason
        except TimeoutError:
            if limit.expired():
                raise too_slow() from None
            raise
        raise EngineError(
            "engine_failed", "The model ended without saying why.", retryable=True
        )

    async def _interrupted(self, job: Job) -> None:
        if job.interrupted == "stopped":
            await self._finish(job, "stopped", finish_reason="stopped")
        elif job.interrupted == "drained":
            await self._hand_back(job)
        elif job.interrupted is None:
            raise asyncio.CancelledError

    async def _requeue(self, job: Job, error: EngineLost) -> None:
        """The engine died under it, through no fault of its own: go on elsewhere."""
        if job.row.crashes >= lease.MAX_ATTEMPTS - 1:
            return await self._fail(job, error)
        logger.warning("requeue %s: %s", job.lease.generation, error.message)
        await asyncio.sleep(LOST_PAUSE_SECONDS)
        await self._hand_back(job, crashed=True)

    async def _hand_back(self, job: Job, *, crashed: bool = False) -> None:
        async with self._checkpointing:
            job.doubt()  # a whole one is safe to repeat, an appending one is not
            if new := job.news():
                await persistently(outcomes.checkpoint, [new])
                job.saved(new)
        await persistently(lease.release, job.lease, crashed=crashed)
        nudges.queue.send()

    async def _fail(self, job: Job, error: EngineError) -> None:
        await self._finish(
            job,
            "failed",
            error_code=error.code,
            error_message=error.message,
            error_retryable=error.retryable,
        )

    async def _finish(self, job: Job, status: str, **how: object) -> None:
        """The row first, the tape after: no reader sees an end that is not stored."""
        outcome = job.outcome(status, **how)
        row = await persistently(outcomes.finish, job.lease, outcome)
        if row is not None and job.writer is not None:
            job.writer.append(ending(row))


@contextlib.contextmanager
def survive(what: str) -> Iterator[None]:
    """A loop that must not end: say what went wrong and go on."""
    try:
        yield
    except DatabaseError as error:
        logger.warning("%s: %s", what, error)
    except Exception:
        logger.exception("%s", what)


def too_slow() -> EngineError:
    limit = round(settings.CHAT_MAX_GENERATION_SECONDS)
    return EngineError(
        "generation_timeout",
        f"The answer took longer than {limit} s. What was written is kept.",
        retryable=True,
    )


def unexpected() -> EngineError:
    return EngineError(
        "internal_error",
        "Something went wrong while writing. What was written is kept.",
        retryable=True,
    )
