"""Waiting for news, but not for ever."""

from __future__ import annotations

import asyncio
import contextlib


async def wait_within(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, at most so long.

    Not `asyncio.wait_for`: up to Python 3.11 that swallows a cancellation which comes
    in the same moment as the event, and a loop that was to end goes on for ever
    (https://github.com/python/cpython/issues/86296).
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
