"""Waiting for news, but not for ever; and how long others shall wait."""

from __future__ import annotations

import asyncio
import contextlib
import random

RETRY_MS = 1000
"""How long a reader waits that lost its connection by itself."""
READER_MS, SPREAD_MS = 5, 10_000
"""What it takes a process to take up one that comes back, and the most for all."""


async def wait_within(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, at most so long.

    Not `asyncio.wait_for`: up to Python 3.11 that swallows a cancellation which comes
    in the same moment as the event, and a loop that was to end goes on for ever
    (https://github.com/python/cpython/issues/86296).
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def pause_ms(readers: int) -> int:
    """When one of so many readers that were turned away together shall come back: each
    at a moment of its own."""
    return RETRY_MS + round(random.uniform(0, min(SPREAD_MS, readers * READER_MS)))
