"""One generation, from the moment it is claimed to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from django.conf import settings

from ..engines.base import Engine, EngineError, EngineLost
from ..engines.registry import Engines
from ..external import questions
from ..external.gate import Refused
from ..external.services import Services
from ..follow import ending, started
from ..observe import metrics
from ..pictures.keeping import keep
from ..tape import Fenced, Tape
from . import lease
from .job import Job
from .ledger import Ledger

if TYPE_CHECKING:
    from ..observe.otel import Attempt

logger = logging.getLogger(__name__)

LOST_PAUSE_SECONDS = 0.2


class Driver:
    """open -> stream -> finish, or hand back. Drives any number at a time."""

    def __init__(self, tape: Tape, engines: Engines, ledger: Ledger) -> None:
        self._tape = tape
        self._engines = engines
        self._ledger = ledger
        self._services = Services(engines)

    async def stop(self) -> None:
        await self._services.stop()

    async def drive(self, job: Job) -> None:
        """To the end, and write down how it ended. Raises `Fenced`."""
        try:
            await self._drive(job)
            # Of what was broken off, some may still be looked at.
            await job.gate.late()
            await self._ledger.note([job])
        finally:
            job.gate.close()
            if job.trace is not None:
                job.trace.close(job)

    async def _drive(self, job: Job) -> None:
        self._open(job)
        if job.interrupted:
            return await self._interrupted(job)
        try:
            reason = await self._streamed(job)
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

    async def _streamed(self, job: Job) -> str:
        """The finish reason. Only up to here can `job.interrupt` cancel the task."""
        job.task = task = asyncio.current_task()
        try:
            return await self._stream(job)
        except Refused:
            return "content_filter"
        finally:
            job.task = None
            if task is not None and job.interrupted and task.cancelling():
                task.uncancel()

    async def _stream(self, job: Job) -> str:
        """Append what the engine says; the finish reason."""
        limit = asyncio.timeout(settings.CHAT_MAX_GENERATION_SECONDS)
        try:
            async with limit, job.gate.at_work(self._services, job.take):
                if job.refused:
                    raise withdrawn(job.row.model)
                engine = await self._engines.get(job.row.model)
                await questions.look(job, self._services)
                if job.trace is None:
                    reason = await self._said(job, engine)
                else:
                    reason = await self._traced(job, job.trace, engine)
                await job.gate.late()
                return reason
        except TimeoutError:
            if limit.expired():
                raise too_slow() from None
            raise

    async def _traced(self, job: Job, trace: Attempt, engine: Engine) -> str:
        with trace.asking(job):
            trace.finish_reason = await self._said(job, engine)
            return trace.finish_reason

    async def _said(self, job: Job, engine: Engine) -> str:
        gate, take, through = job.gate, job.take, job.screen.through
        try:
            async with contextlib.aclosing(engine.stream(job.request())) as stream:
                async for said in stream:
                    for event in through(said):
                        reason = take(event) if gate.open else await gate.put(event)
                        if reason is not None:
                            return reason
            raise EngineError(
                "engine_failed", "The model ended without saying why.", retryable=True
            )
        except EngineLost:
            raise
        except EngineError:
            # What is there may still be cleared.
            if not gate.open:
                for rest in job.screen.rest():
                    await gate.put(rest)
                await gate.settle()
            raise

    async def _interrupted(self, job: Job) -> None:
        if job.interrupted == "stopped":
            await self._finish(job, "stopped", finish_reason="stopped")
        elif job.interrupted == "drained":
            await self._ledger.hand_back(job)
        elif job.interrupted is None:
            raise asyncio.CancelledError

    async def _requeue(self, job: Job, error: EngineLost) -> None:
        """The engine died under it, through no fault of its own: go on elsewhere."""
        if job.row.crashes >= lease.MAX_ATTEMPTS - 1:
            return await self._fail(job, error)
        logger.warning("requeue %s: %s", job.lease.generation, error.code)
        await asyncio.sleep(LOST_PAUSE_SECONDS)
        await self._ledger.hand_back(job, crashed=True)

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
        for rest in job.rest():
            job.take(rest)
        try:
            pictures = await keep(job.row, job.drawn)
        except EngineError as error:
            job.drop_pictures()
            await self._fail(job, error)
            return
        began = time.time_ns()
        outcome = job.outcome(status, pictures=pictures, **how)
        row = await self._ledger.finish(job, outcome)
        if row is None:
            return
        if job.trace is not None:
            job.trace.finished(row, began)
        metrics.count_ended(row)
        if job.writer is not None:
            job.writer.append(ending(row))


def too_slow() -> EngineError:
    limit = round(settings.CHAT_MAX_GENERATION_SECONDS)
    return EngineError(
        "generation_timeout",
        f"The answer took longer than {limit} s. What was written is kept.",
        retryable=True,
    )


def withdrawn(model: str) -> EngineError:
    return EngineError(
        "model_not_allowed",
        f"You may no longer use the model {model}. Choose another one and ask again.",
    )


def unexpected() -> EngineError:
    return EngineError(
        "internal_error",
        "Something went wrong while writing. What was written is kept.",
        retryable=True,
    )
