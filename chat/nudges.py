"""Nudges inside a process: "look again". Losing one costs latency, never data.

Senders are database code in any thread; listeners live on the event loop and are
called there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Nudge:
    """One kind of news. Without a listener, sending does nothing."""

    def __init__(self) -> None:
        self._listeners: dict[Callable[..., None], asyncio.AbstractEventLoop] = {}

    def connect(self, listener: Callable[..., None]) -> None:
        """Call `listener` on this loop from now on."""
        self._listeners[listener] = asyncio.get_running_loop()

    def disconnect(self, listener: Callable[..., None]) -> None:
        self._listeners.pop(listener, None)

    def send(self, *news: str) -> None:
        for listener, loop in list(self._listeners.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(listener, *news)


queue = Nudge()
"""Something was queued."""
stop = Nudge()
"""The generation with this id was asked to stop."""
ended = Nudge()
"""The generation with this id ended without its runner."""
