"""The one thread that draws, a picture at a time; the others wait in a queue.

It ends with the process, and when the device fails: what is asked of that afterwards
fails, too. Any other failure is that of one request.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

import torch
from PIL import Image

from chat.engines.base import Drawn, EngineError, EngineEvent, Finished, Stepped
from chat.engines.image.painter import Look, OnStep, Order, Painter
from chat.engines.local import threads
from chat.engines.previews import A_SECOND, preview_of

logger = logging.getLogger(__name__)

MAX_WAITING = 64
NICE = 10
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


class Cancelled(Exception):
    """Nobody wants the picture any more."""


class Inbox:
    """What the worker says, on its way to the event loop. Of previews that nobody has
    taken, the newest is kept."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._said: deque[EngineEvent | EngineError] = deque()
        self._news = asyncio.Event()

    def put(self, said: EngineEvent | EngineError) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            self._loop.call_soon_threadsafe(self._take, said)

    async def next(self) -> EngineEvent:
        """Raises what ended it."""
        while not self._said:
            self._news.clear()
            await self._news.wait()
        said = self._said.popleft()
        if isinstance(said, EngineError):
            raise said
        return said

    def _take(self, said: EngineEvent | EngineError) -> None:
        last = self._said[-1] if self._said else None
        if isinstance(said, Stepped) and isinstance(last, Stepped):
            self._said.pop()
        self._said.append(said)
        self._news.set()


class Job:
    """One request. `cancelled` is looked at after each step."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.inbox = Inbox()
        self.cancelled = threading.Event()
        self._shown = -1 / A_SECOND

    def show(self, number: int, step: int, steps: int, look: Look) -> None:
        """After a step of picture `number`. The first one is always shown."""
        if self.cancelled.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._shown >= 1 / A_SECOND:
            self._shown = now
            done, all_steps = number * steps + step, self.order.n * steps
            self.inbox.put(Stepped(done, all_steps, preview_of(look())))


class Worker:
    def __init__(self, painter: Painter, on_exit: Callable[[], None]) -> None:
        """`on_exit`: called in the thread when it ends."""
        self._painter = painter
        self._on_exit = on_exit
        self._waiting: deque[Job] = deque()
        self._turn = threading.Condition()
        self._stopping = False
        self._current: Job | None = None
        self._moved: float | None = None
        self.last_error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="painter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Raises EngineError where too many wait. Never blocks."""
        with self._turn:
            wanted = [one for one in self._waiting if not one.cancelled.is_set()]
            if len(wanted) >= MAX_WAITING:
                text = "Too many pictures wait to be drawn. Try again later."
                raise EngineError("engine_busy", text, retryable=True)
            self._waiting = deque([*wanted, job])
            self._turn.notify()

    @property
    def step_seconds(self) -> float:
        """How long the present step takes; 0 between two pictures."""
        moved = self._moved
        return 0.0 if moved is None else time.monotonic() - moved

    def stop(self, seconds: float) -> None:
        """Blocks until the present step is over, but no longer than that."""
        with self._turn:
            self._stopping = True
            if (job := self._current) is not None:
                job.cancelled.set()
            self._turn.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            give_way()
            while (job := self._next()) is not None:
                self._draw(job)
        except BaseException as error:
            self.last_error = error
            logger.exception("The drawing thread ends")
        finally:
            self._on_exit()

    def _next(self) -> Job | None:
        """The next one's turn; None when the worker is to end."""
        with self._turn:
            self._current = None
            self._turn.wait_for(lambda: self._waiting or self._stopping)
            if not self._stopping:
                self._current = self._waiting.popleft()
            return self._current

    def _draw(self, job: Job) -> None:
        end = self._end_of(job)
        self._moved = None
        if end is not None:
            job.inbox.put(end)

    def _end_of(self, job: Job) -> Finished | EngineError | None:
        try:
            return Finished(self._draw_all(job))
        except Cancelled:
            return None
        except torch.AcceleratorError:
            raise
        except Exception as error:
            return explained(error, job.order)

    def _draw_all(self, job: Job) -> str:
        """The finish reason."""
        reason = "stop"
        for number in range(job.order.n):
            if job.cancelled.is_set():
                raise Cancelled
            self._moved = time.monotonic()
            image = self._painter.draw(job.order, number, self._watched(job, number))
            if image is None:
                reason = "content_filter"
            else:
                job.inbox.put(drawn(image))
        return reason

    def _watched(self, job: Job, number: int) -> OnStep:
        def on_step(step: int, steps: int, look: Look) -> None:
            self._moved = time.monotonic()
            job.show(number, step, steps, look)

        return on_step


def give_way() -> None:
    """Streams of text come first: half of the processor's threads are theirs, and on
    busy cores this thread, and those it computes with, wait for the others."""
    torch.set_num_threads(max(1, threads.ALL // 2))
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def drawn(image: Image.Image) -> Drawn:
    file = BytesIO()
    image.save(file, "PNG")
    return Drawn(file.getvalue(), "image/png", image.width, image.height)


def explained(error: Exception, order: Order) -> EngineError:
    if isinstance(error, EngineError):
        return error
    said = str(error).lower()
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in said for words in NO_MEMORY
    ):
        logger.error("no memory for %d x %d pixels", order.width, order.height)
        free(error)
        return EngineError(
            "out_of_memory",
            f"There is not enough memory for a picture of {order.width} ×"
            f" {order.height} pixels. Ask for a smaller one.",
        )
    logger.error("A picture cannot be drawn", exc_info=error)
    return EngineError("engine_failed", f"The picture cannot be drawn: {error}"[:300])


def free(error: BaseException) -> None:
    """What it had begun to compute: its frames hold that."""
    error.__traceback__ = None
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
