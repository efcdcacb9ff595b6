"""How long tokens are gathered before they are passed on, while the loop is behind.

A token alone costs as much as five together: a read, a wake, a frame, a write. So a
process that cannot keep up passes them on in handfuls, which leaves time for those
who still wait for their first. One with time to spare passes each on at once.
"""

from __future__ import annotations

import asyncio

LOOK_SECONDS = 0.02
LATE_SECONDS = 0.008
"""A loop that calls back this late, on average, is behind."""
STEP_SECONDS = 0.02
MOST_SECONDS = 0.2


class Gathering:
    def __init__(self) -> None:
        self.seconds = 0.0
        """How long to wait before the next read or write; 0: not at all."""
        self._late = 0.0
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="gathering")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self.seconds = self._late = 0.0

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.note(clock() - due)

    def note(self, late: float) -> None:
        """The loop called back so many seconds after the time."""
        self._late += (late - self._late) / 8
        if self._late > LATE_SECONDS:
            self.seconds = min(MOST_SECONDS, self.seconds + STEP_SECONDS)
        else:
            self.seconds = max(0.0, self.seconds - STEP_SECONDS / 2)

    async def pause(self) -> None:
        if self.seconds:
            await asyncio.sleep(self.seconds)


gathering = Gathering()
"""Of this process's loop."""
