"""The ends of waits that nothing else ended, by one timer for all of them.

A reader waits once for each token. A timer for each wait would cost it more than all
the rest of the wait, and hardly any of them would ever go off.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Alarm(Generic[Result]):
    """Gives futures that are still open after their time a result."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._deadlines: dict[asyncio.Future[Result], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf

    def add(self, waiter: asyncio.Future[Result], seconds: float) -> None:
        deadline = waiter.get_loop().time() + seconds
        self._deadlines[waiter] = deadline
        if deadline < self._due:
            self._set(waiter.get_loop(), deadline)

    def drop(self, waiter: asyncio.Future[Result]) -> None:
        """Nobody waits for it any more."""
        self._deadlines.pop(waiter, None)

    def _set(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = loop.call_at(due, self._look, loop), due

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Seldom: the earliest of those that were waited for when it was set."""
        self._timer, self._due, now = None, inf, loop.time()
        for waiter, deadline in self._deadlines.items():
            if deadline <= now and not waiter.done():
                waiter.set_result(self._result)
        left = [due for due in self._deadlines.values() if due > now]
        if left:
            self._set(loop, min(left))
