"""Where everybody stands in the queue: one query now and then for all readers.

A thousand waiting readers that each counted would keep the database busier than the
answers they wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from uuid import UUID

from django.db import Error

from ..database import for_reader
from . import fair

LOOK_SECONDS = 0.5


class Places:
    """Places count from 1, in the order in which everybody gets their turn
    (`chat.limits.fair`). As of the last look, at most `LOOK_SECONDS` old."""

    def __init__(self) -> None:
        self._order: dict[UUID, int] = {}
        self._looked = -LOOK_SECONDS
        self._look: asyncio.Task[None] | None = None

    async def of(self, generation: UUID) -> int | None:
        """Its place; None when it was not queued at the last look."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            await asyncio.shield(self._looking())
        return self._order.get(generation)

    def _looking(self) -> asyncio.Task[None]:
        """The look under way, or a new one."""
        look, loop = self._look, asyncio.get_running_loop()
        if look is None or look.done() or look.get_loop() is not loop:
            look = self._look = asyncio.create_task(self._refresh())
        return look

    async def _refresh(self) -> None:
        # While the database is away, the places stay as they were.
        with contextlib.suppress(Error):
            order = await for_reader(fair.order)
            self._order = {pk: place for place, pk in enumerate(order, 1)}
        self._looked = time.monotonic()


places = Places()
"""This process's view of the queue."""
