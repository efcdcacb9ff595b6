"""What a process that runs generations does besides, a little at a time, when nobody
waits for it. Several processes may do the same: every chore allows that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from .. import nudges, statistics
from ..database import in_bulk
from ..gathering import gathering
from ..pictures import loose
from ..privacy import audit, erasure, removal
from ..privacy.retention import Walk
from ..reports import traffic
from ..screening import findings
from ..screening.rulebook import rulebook
from ..search.passages import index_some
from ..waiting import wait_within
from .runner import survive

PAUSE = 0.01
REST = 4
"""Between two pieces of the same work, at least so many times as long as one took:
others want to write, and to use this processor, too."""
LONG_REST = 20
"""While this process cannot keep up with its tokens."""
MOST_REST = 2.0
GATHER = 1.0
"""Seconds from one look to the next, however often news is told of meanwhile: each
question and each answer is news, and a look costs as much for one as for many."""


def rest(took: float) -> float:
    """Seconds, after a piece that took so long."""
    times = LONG_REST if gathering.seconds else REST
    return min(MOST_REST, max(PAUSE, times * took))


class Chore:
    """Work that says whether there is more of it; looked for every so many seconds."""

    def __init__(self, name: str, work: Callable[[], bool], seconds: float) -> None:
        self.name = name
        self._work = work
        self._seconds = seconds
        self._wanted = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._do(), name=f"chore-{self.name}")

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    def wake(self, *_news: str) -> None:
        self._wanted.set()

    async def _do(self) -> None:
        while True:
            self._wanted.clear()
            with survive(f"cannot {self.name}"):
                more = True
                while more:
                    began = time.monotonic()
                    more = await in_bulk(self._work)
                    took = time.monotonic() - began
                    await asyncio.sleep(rest(took))
            await asyncio.sleep(min(GATHER, self._seconds))
            await wait_within(self._wanted, self._seconds)


class Chores:
    def __init__(self) -> None:
        self.index = Chore("index", index_some, 2)
        self.sweep = Chore("sweep", removal.sweep, 20)
        self.prune = Chore("remove what is too old", Walk().step, 600)
        self.erase = Chore("erase accounts", erasure.go_on, 30)
        self.expire = Chore("expire the audit log", audit.expire, 3600)
        self.learn = Chore("learn the rules", rulebook.learn, 5)
        self.trim = Chore("trim the findings", findings.trim, 600)
        self.gather = Chore("gather statistics", statistics.gather, 3600)
        self.count = Chore("count the traffic", traffic.count_some, 20)
        self.clear = Chore("delete files without a picture", loose.sweep, 60)
        self._all = (
            *(self.index, self.sweep, self.prune, self.erase, self.expire),
            *(self.learn, self.trim, self.gather, self.count),
            self.clear,
        )

    def start(self) -> None:
        nudges.changed.connect(self.index.wake)
        nudges.rules.connect(self.learn.wake)
        for chore in self._all:
            chore.start()

    async def stop(self) -> None:
        nudges.changed.disconnect(self.index.wake)
        nudges.rules.disconnect(self.learn.wake)
        for chore in self._all:
            await chore.stop()
