"""How long tokens are gathered before they are passed on, while the loop is behind.

A token alone costs as much as five together: a read, a wake, a frame, a write. So a
process that cannot keep up passes them on in handfuls, which leaves time for those
who still wait for their first. One with time to spare passes each on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 0.05
LATE_SECONDS = 0.008
"""A loop that calls back this late, on average, is behind."""
STEP_SECONDS = 0.04
MOST_SECONDS = 0.2
TURN_SECONDS = 0.01
"""Those who wait go on in turns: a timer for each would have to wait for the
interpreter, and so would what comes for each alone."""


class Gathering:
    def __init__(self) -> None:
        self.seconds = 0.0
        """How long to wait before the next read or write; 0: not at all."""
        self._late = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._turns: dict[int, list[Callable[[], None]]] = {}

    def start(self) -> None:
        self._look_again(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.seconds = self._late = 0.0

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + LOOK_SECONDS
        self._timer = loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """A timer, not a task: it goes off also in a process that does nothing."""
        self.note(loop.time() - due)
        self._look_again(loop)

    def note(self, late: float) -> None:
        """The loop called back so many seconds after the time."""
        self._late += (late - self._late) / 4
        if self._late > LATE_SECONDS:
            self.seconds = min(MOST_SECONDS, self.seconds + STEP_SECONDS)
        else:
            self.seconds = max(0.0, self.seconds - STEP_SECONDS / 2)

    def later(self, call: Callable[[], None]) -> None:
        """Call it once that time is over."""
        loop = asyncio.get_running_loop()
        turn = int((loop.time() + self.seconds) / TURN_SECONDS) + 1
        if turn not in self._turns:
            self._turns[turn] = []
            loop.call_at(turn * TURN_SECONDS, self._take_turn, turn)
        self._turns[turn].append(call)

    def _take_turn(self, turn: int) -> None:
        for call in self._turns.pop(turn):
            call()

    async def pause(self) -> None:
        if self.seconds:
            await asyncio.sleep(self.seconds)


gathering = Gathering()
"""Of this process's loop."""
