"""What a runner writes about its generations, of many in one transaction.

Checkpoints are asked for once a second. Ends are written at once; those that come
while some are being written are the next ones, together. All of it goes through one
thread (`chat.database.in_order`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

from .. import nudges
from ..database import in_order, persistently_in_order
from ..models import Generation
from ..screening import findings
from . import lease, outcomes
from .job import Job
from .outcomes import End, Outcome

ENDS_AT_ONCE = 64

Ended = asyncio.Future[Generation | None]


class Ledger:
    def __init__(self) -> None:
        self._checkpointing = asyncio.Lock()
        """Two at a time would append the same text twice."""
        self._ends: list[tuple[End, Ended]] = []
        self._writer: asyncio.Task[None] | None = None

    async def checkpoint(self, jobs: Iterable[Job]) -> None:
        await self.note(jobs)
        async with self._checkpointing:
            news = [(job, new) for job in jobs if (new := job.news())]
            if not news:
                return
            began = time.time_ns()
            try:
                await in_order(outcomes.checkpoint, [new for _, new in news])
            except Exception:
                for job, _new in news:
                    job.doubt()
                raise
            for job, new in news:
                job.saved(new)
                if job.trace is not None:
                    job.trace.checkpointed(began)

    async def hand_back(self, job: Job, *, crashed: bool = False) -> None:
        """A last checkpoint, and back to the queue: whoever claims it goes on there."""
        await self.note([job])
        async with self._checkpointing:
            job.doubt()  # a whole one is safe to repeat, an appending one is not
            if new := job.news():
                await persistently_in_order(outcomes.checkpoint, [new])
                job.saved(new)
        await persistently_in_order(lease.release, job.lease, crashed=crashed)
        nudges.queue.send()

    async def finish(self, job: Job, outcome: Outcome) -> Generation | None:
        """The row with its end, once that is stored; None if the lease was lost."""
        await self.note([job])
        ended: Ended = asyncio.get_running_loop().create_future()
        self._ends.append(((job.lease, outcome), ended))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_ends(), name="ends")
        return await ended

    async def note(self, jobs: Iterable[Job]) -> None:
        """What the guard found."""
        if found := [row for job in jobs for row in job.found()]:
            await persistently_in_order(findings.keep, found)

    async def _write_ends(self) -> None:
        while batch := self._ends[:ENDS_AT_ONCE]:
            del self._ends[:ENDS_AT_ONCE]
            await self._write(batch)

    async def _write(self, batch: Sequence[tuple[End, Ended]]) -> None:
        """One that cannot be written must not keep the others from it."""
        rows: list[Generation | Exception | None]
        try:
            ends = [end for end, _ended in batch]
            rows = [*await persistently_in_order(outcomes.finish_all, ends)]
        except Exception as error:
            if len(batch) > 1:
                for one in batch:
                    await self._write([one])
                return
            rows = [error]
        for (_end, ended), row in zip(batch, rows, strict=True):
            answer(ended, row)


def answer(ended: Ended, row: Generation | Exception | None) -> None:
    if ended.done():  # nobody waits for it any more
        return
    if isinstance(row, Exception):
        ended.set_exception(row)
    else:
        ended.set_result(row)
