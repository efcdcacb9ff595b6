"""The tape of a single process: lists in memory."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field

from ..events import Delta, Event, Sequenced, Snapshot, is_terminal, join
from .base import SPAN, WRITE_CAP, Fenced, Tape, Wake, Writer

KEEP_EVENTS = 8192
"""A longer reel folds its older half into a snapshot."""
KEEP_FINISHED = 256
"""Finished reels kept for readers that are about to come back."""


@dataclass(slots=True)
class Reel:
    """One generation's tape. Events have numbers above `base_seq`."""

    attempt: int = 0
    base_seq: int = 0
    base: Snapshot = Snapshot()
    seqs: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    waiters: set[asyncio.Future[Wake]] = field(default_factory=set)
    finished: bool = False

    @property
    def tip(self) -> int:
        return self.seqs[-1] if self.seqs else self.base_seq

    def wake(self, reason: Wake) -> None:
        waiters, self.waiters = self.waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(reason)

    def add(self, seq: int, event: Event) -> None:
        self.seqs.append(seq)
        self.events.append(event)
        self.finished = is_terminal(event)
        if len(self.seqs) > KEEP_EVENTS:
            self._fold(len(self.seqs) // 2)

    def _fold(self, count: int) -> None:
        """Constant work per event on average: half is folded at a time."""
        self.base = fold(self.base, self.events[:count])
        self.base_seq = self.seqs[count - 1]
        del self.seqs[:count], self.events[:count]

    def after(self, cursor: int) -> list[Sequenced]:
        found: list[Sequenced] = []
        if cursor < self.base_seq:
            found.append((self.base_seq, self.base))
        size = 0
        for index in range(bisect_right(self.seqs, cursor), len(self.seqs)):
            event = self.events[index]
            found.append((self.seqs[index], event))
            size += len(event) if isinstance(event, Delta) else 0
            if size > WRITE_CAP:
                break
        return found


def fold(base: Snapshot, events: list[Event]) -> Snapshot:
    """The text after `events`, which began from `base`."""
    run: list[Delta] = [Delta(base.text, base.reasoning)]
    for event in events:
        if isinstance(event, Delta):
            run.append(event)
        elif isinstance(event, Snapshot):
            run = [Delta(event.text, event.reasoning)]
    whole = join(run)
    return Snapshot(whole.text, whole.reasoning)


class MemoryWriter(Writer):
    def __init__(self, reel: Reel, attempt: int, follows: bool) -> None:
        self._reel = reel
        self._attempt = attempt
        self._follows = follows
        self._next = attempt * SPAN + 1

    @property
    def next_seq(self) -> int:
        return self._next

    def append(self, *events: Event) -> int:
        if self._reel.attempt != self._attempt:
            raise Fenced
        for event in events:
            self._reel.add(self._next, event)
            self._next += 1
        self._reel.wake(Wake.NEWS)
        return self._next - 1

    def close(self) -> None:
        if self._reel.attempt == self._attempt:
            self._reel.finished = True

    def holds(self, text: str, reasoning: str) -> bool:
        if not self._follows:
            return False
        return fold(self._reel.base, self._reel.events) == Snapshot(text, reasoning)


class MemoryTape(Tape):
    """Reels of live generations, and of the last few that finished."""

    def __init__(self) -> None:
        self._reels: OrderedDict[str, Reel] = OrderedDict()
        self._sweep_at = KEEP_FINISHED
        self._closing = False

    def open(self, generation: str, attempt: int) -> Writer:
        reel = self._reels.setdefault(generation, Reel())
        if reel.attempt >= attempt:
            raise Fenced
        follows = reel.attempt == attempt - 1
        reel.attempt = attempt
        reel.finished = False
        self._reels.move_to_end(generation)
        self._drop_old()
        return MemoryWriter(reel, attempt, follows)

    def _drop_old(self) -> None:
        """Forget the oldest finished reels; seldom enough to cost nothing per open.

        Dropping one that a slow reader still reads is safe: it goes on from the row.
        """
        if len(self._reels) < self._sweep_at:
            return
        finished = [key for key, reel in self._reels.items() if reel.finished]
        for key in finished[:-KEEP_FINISHED]:
            self._reels.pop(key).wake(Wake.NUDGE)
        self._sweep_at = 2 * len(self._reels)

    def read(self, generation: str, after: int) -> list[Sequenced]:
        reel = self._reels.get(generation)
        return reel.after(after) if reel else []

    async def wait(self, generation: str, after: int, timeout: float) -> Wake:
        if self._closing:
            return Wake.CLOSING
        reel = self._reels.setdefault(generation, Reel())
        if reel.tip > after:
            return Wake.NEWS
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Wake] = loop.create_future()
        reel.waiters.add(waiter)
        timer = loop.call_later(timeout, _settle, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            reel.waiters.discard(waiter)
            self._forget_unused(generation, reel)

    def _forget_unused(self, generation: str, reel: Reel) -> None:
        """A reel that only readers made (nobody wrote yet) goes with the last one."""
        unused = not reel.waiters and not reel.attempt
        if unused and self._reels.get(generation) is reel:
            del self._reels[generation]

    def nudge(self, generation: str) -> None:
        if reel := self._reels.get(generation):
            reel.wake(Wake.NUDGE)

    def close_readers(self) -> None:
        self._closing = True
        for reel in list(self._reels.values()):
            reel.wake(Wake.CLOSING)


def _settle(waiter: asyncio.Future[Wake]) -> None:
    if not waiter.done():
        waiter.set_result(Wake.TIMEOUT)
