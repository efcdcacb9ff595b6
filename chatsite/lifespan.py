"""ASGI lifespan: start the process, end its readers on a signal, drain it.

uvicorn waits for open responses *before* it sends `lifespan.shutdown`, and open
streams never end by themselves. So the signal handler it installed (before
`lifespan.startup`) is chained: first the readers are told to end, then uvicorn's
own handler runs.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from chat.checks import refuse_serious_problems
from chat.running import process

logger = logging.getLogger(__name__)

SIBLINGS_SECONDS = 0.25
"""With several workers: until the siblings have stopped listening too, or clients
would reconnect to one that is about to end."""
TURN_SECONDS = 0.0002
"""How long a thread keeps the interpreter while others want it. The event loop lets go
of it at every look for news; behind a thread that computes, Python's 5 ms were what
each of thousands of tokens a second waited for."""
YOUNG = 10_000
"""Objects made before the garbage collector looks at them. Events live as long as their
answer, and none of them is in a cycle: it would look at all of them, for nothing."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def lifespan(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()
    try:
        refuse_serious_problems()
        here = await process.start()
    except Exception as error:
        logger.exception("cannot start")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    end_readers_on_signal(here.close_readers)
    sys.setswitchinterval(TURN_SECONDS)
    spare_what_stays()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await process.stop()
    await send({"type": "lifespan.shutdown.complete"})


def spare_what_stays() -> None:
    """What is there by now stays to the end: no collection has to walk through it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def end_readers_on_signal(close_readers: Callable[[], None]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    pause = SIBLINGS_SECONDS if multiprocessing.parent_process() else 0.0
    for number in (signal.SIGTERM, signal.SIGINT):
        kept = signal.getsignal(number)

        def handle(received: int, frame: Any, kept: Any = kept) -> None:
            loop.call_soon_threadsafe(loop.call_later, pause, close_readers)
            if callable(kept):
                kept(received, frame)

        signal.signal(number, handle)
