"""The contract of a tape, and what every tape does: reels, readers, waiting.

All calls belong to the event loop's thread. Reading and appending never wait: every
process has the tapes it needs in memory (`chat.tape.reel`). Tapes differ in how an
event gets from its writer to the reels.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum

from ..events import Event, Sequenced, Snapshot, Step
from ..inside import Inside
from .alarm import Alarm
from .reel import SPAN, Reel

KEEP_FINISHED = 256
"""Finished reels kept for readers that are about to come back: the last that ended."""
KEEP_CHARACTERS = 8 * 2**20
"""Of all these together. Mostly it is half as much, or less."""
SWEEP_EVERY = 64
"""So many new reels from one look for those that can go to the next."""
ABANDONED_SECONDS = 1800
"""A reel nobody wrote to or waits at for so long is dropped: its row was deleted."""


class Fenced(Exception):
    """A newer attempt owns this tape; the writer has lost its lease."""


class Wake(Enum):
    """Why a wait ended."""

    NEWS = "news"
    """The tape has something behind the cursor."""
    NUDGE = "nudge"
    """The row changed without the tape: read it again."""
    TIMEOUT = "timeout"
    CLOSING = "closing"
    """This process ends its readers; they can resume elsewhere."""


class Writer(ABC):
    """The one who may append: the holder of the lease with this attempt."""

    def __init__(self, reel: Reel, attempt: int) -> None:
        self._reel = reel
        self._attempt = attempt
        self.next_seq = attempt * SPAN + 1
        """The number the next event will get."""

    @property
    def last_seq(self) -> int:
        """The number of its last event; below the attempt's first when none."""
        first = self._attempt * SPAN + 1
        return self.next_seq - 1 if self.next_seq > first else 0

    def append(self, *events: Event) -> int:
        """Add events; the last one's sequence number. Raises `Fenced`."""
        if self._reel.attempt > self._attempt:
            raise Fenced
        first, self.next_seq = self.next_seq, self.next_seq + len(events)
        self._send(first, events)
        return self.next_seq - 1

    def show(self, step: Step) -> None:
        """A picture so far. One may be left out: the next one is better. Raises
        `Fenced`."""
        self.append(step)

    @abstractmethod
    def _send(self, first: int, events: tuple[Event, ...]) -> None:
        """Bring them to the reels."""


@dataclass(slots=True, eq=False)
class Seat:
    """A reel and who waits at it."""

    reel: Reel = field(default_factory=Reel)
    waiters: set[asyncio.Future[Wake]] = field(default_factory=set)
    touched: float = field(default_factory=time.monotonic)
    opened: bool = False
    """A writer holds this reel, though its opening may still be on the way."""
    size: int = 0
    """Characters of a finished reel, once they were counted."""

    def wake(self, reason: Wake) -> None:
        self.touched = time.monotonic()
        if reason is Wake.NEWS and not self.reel.whole:
            # Nothing a reader could take: it looks at the row now and then.
            return
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(reason)
        self.waiters.clear()


class Tape(ABC):
    def __init__(self) -> None:
        self._seats: OrderedDict[str, Seat] = OrderedDict()
        self._alarm = Alarm(Wake.TIMEOUT)
        self._unswept = 0
        self._closing = False
        self.reading = Inside()
        """Around those who read, waiting or not."""
        self.turned_away = 0
        """How many readers there were when it was closed: they will come back."""

    async def start(self) -> None:
        """Connect, and begin to follow other processes."""

    async def stop(self) -> None:
        """Let go of everything."""

    @property
    def problem(self) -> str | None:
        """Why it cannot serve right now; None when it can."""
        return None

    @abstractmethod
    def open(
        self, generation: str, attempt: int, behind: int, text: Snapshot
    ) -> Writer:
        """The writer of a new attempt, which goes on behind that number: the text up
        to there is `text`. Raises `Fenced` when a newer attempt exists."""

    def read(self, generation: str, after: int) -> list[Sequenced]:
        """What follows the cursor; see `Reel.after`. Empty also when the tape does
        not know enough yet (`is_whole`)."""
        seat = self._seats.get(generation)
        return seat.reel.after(after) if seat else []

    def is_whole(self, generation: str) -> bool:
        seat = self._seats.get(generation)
        return seat is not None and seat.reel.whole

    def ground(self, generation: str, seq: int, text: Snapshot) -> None:
        """Tell it the checkpoint from the row; see `Reel.ground`."""
        self._seat(generation).reel.ground(seq, text)

    def state(self, generation: str) -> tuple[int, Snapshot] | None:
        """All text so far and its number, if the tape knows it whole."""
        seat = self._seats.get(generation)
        return seat.reel.state() if seat else None

    async def wait(self, generation: str, after: int, timeout: float) -> Wake:
        """Until there is something to do for a reader at this cursor."""
        seat = self._seat(generation)
        if seat.reel.whole and seat.reel.tip > after:
            return Wake.NEWS
        if self._closing:
            return Wake.CLOSING
        waiter: asyncio.Future[Wake] = asyncio.get_running_loop().create_future()
        seat.waiters.add(waiter)
        self._alarm.add(waiter, timeout)
        try:
            return await waiter
        finally:
            self._alarm.drop(waiter)
            seat.waiters.discard(waiter)
            if not seat.reel.attempt:
                self._forget_unused(generation, seat)

    def nudge(self, generation: str) -> None:
        """Wake its readers: the row changed."""
        if seat := self._seats.get(generation):
            seat.wake(Wake.NUDGE)

    def forget(self, generations: str) -> None:
        """Drop what these said; their readers look at the row, which is gone. Their
        ids, a comma between them."""
        for key in generations.split(","):
            if seat := self._seats.pop(key, None):
                seat.wake(Wake.NUDGE)

    def close_readers(self) -> None:
        """End every wait, now and from now on, with `Wake.CLOSING`."""
        self._closing = True
        self.turned_away = max(self.turned_away, self.reading.count)
        for seat in list(self._seats.values()):
            seat.wake(Wake.CLOSING)

    def _seat(self, generation: str) -> Seat:
        seat = self._seats.get(generation)
        if seat is None:
            self._sweep()
            seat = self._seats[generation] = Seat()
        return seat

    def _forget_unused(self, generation: str, seat: Seat) -> None:
        """A seat that only readers made (nobody wrote yet) goes with the last one."""
        unused = not (seat.waiters or seat.reel.attempt or seat.opened)
        if unused and self._seats.get(generation) is seat:
            del self._seats[generation]

    def _sweep(self) -> None:
        """Forget the oldest finished reels, and abandoned ones; seldom enough to
        cost little per reel. A reader loses nothing: it goes on from the row."""
        self._unswept += 1
        if self._unswept < SWEEP_EVERY:
            return
        self._unswept = 0
        for key in self._too_many() + self._abandoned():
            if seat := self._seats.pop(key, None):
                seat.wake(Wake.NUDGE)

    def _too_many(self) -> list[str]:
        """Of the finished ones, those behind the last that are kept."""
        finished = [item for item in self._seats.items() if item[1].reel.finished]
        finished.sort(key=lambda item: item[1].touched, reverse=True)
        kept = size = 0
        for _key, seat in finished[:KEEP_FINISHED]:
            seat.size = seat.size or seat.reel.characters
            size += seat.size
            if size > KEEP_CHARACTERS:
                break
            kept += 1
        return [key for key, _seat in finished[kept:]]

    def _abandoned(self) -> list[str]:
        long_ago = time.monotonic() - ABANDONED_SECONDS
        return [
            key
            for key, seat in self._seats.items()
            if seat.touched < long_ago and not seat.waiters
        ]
