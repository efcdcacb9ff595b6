"""ImageEngine: requests in, previews and pictures out; the pipeline runs in the
worker's thread, one picture at a time. What waits for it is bounded, by the runner's
own limits as well.

A new attempt begins at the first step; the seed makes it the same picture.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from chat.engines.base import (
    EngineError,
    EngineEvent,
    EngineLost,
    EngineRequest,
    Finished,
    ModelInfo,
    ModelState,
    Prompted,
)
from chat.engines.image.loading import load
from chat.engines.image.orders import Bounds, Defaults, order_of
from chat.engines.image.painter import Order, Painter
from chat.engines.image.worker import Job, Worker
from chat.engines.loading import Loading
from chat.engines.local.loading import Wanted

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0
WARM_UP = Order("Hello", width=128, height=128, steps=2, seed=0)


class ImageEngine(Loading):
    """One pipeline in memory, whatever the number of requests."""

    _worker_name = "the drawing thread"

    def __init__(
        self,
        model: str,
        info: ModelInfo,
        bounds: Bounds,
        *,
        revision: str | None = None,
        device: str | None = None,
        defaults: Defaults | None = None,
        step_seconds: float = 120,
    ) -> None:
        """`model`: a folder or hub id. Loads nothing. `step_seconds`: a step that
        takes longer hangs, which `problem` says: no thread can be ended."""
        super().__init__()
        self._wanted = Wanted(model, revision, device)
        self._bounds = bounds
        self._defaults = defaults or Defaults()
        self._step_seconds = step_seconds
        self._painter: Painter | None = None
        self._worker: Worker | None = None
        self._jobs: set[Job] = set()
        self._started = False
        self._recovery: asyncio.Task[None] | None = None
        self._name = info.id
        self.models = [info]

    @property
    def problem(self) -> str | None:
        state = self.states()[self._name]
        return None if state.name == "ready" else state.message

    def states(self) -> dict[str, ModelState]:
        worker = self._worker
        if worker is not None and worker.step_seconds > self._step_seconds:
            text = f"{self._name}: a step takes more than {self._step_seconds:g} s"
            return {self._name: ModelState("failed", text)}
        return {self._name: self._state}

    async def start(self) -> None:
        if self._worker is not None:
            return
        began = time.monotonic()
        self._loading = True
        try:
            self._painter = await asyncio.to_thread(self._load)
            worker = self._start_worker(self._painter)
            self._report(ModelState("loading", f"warming up {self._name}"))
            await self._warm_up(worker)
        except BaseException as error:
            await self._release()
            text = error.message if isinstance(error, EngineError) else str(error)
            self._fail(text)
            raise
        seconds = time.monotonic() - began
        logger.info("%s was started in %.1f s", self._name, seconds)
        self._ready(seconds)

    async def stop(self) -> None:
        await self._release()
        self._state = ModelState("waiting", "stopped")

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        worker, painter = self._worker, self._painter
        if worker is None or painter is None:
            raise EngineError("not_ready", self._state.message, retryable=True)
        order = order_of(request, painter, self._bounds, self._defaults)
        async with aclosing(self._drawn(worker, order)) as events:
            async for event in events:
                yield event

    async def _drawn(self, worker: Worker, order: Order) -> AsyncGenerator[EngineEvent]:
        """Leaving it, in whatever way, frees the worker after its present step."""
        job = Job(order)
        self._jobs.add(job)
        try:
            worker.submit(job)
            yield Prompted(0)
            while True:
                yield (said := await job.inbox.next())
                if isinstance(said, Finished):
                    return
        finally:
            self._jobs.discard(job)
            job.cancelled.set()

    def _load(self) -> Painter:
        painter = Painter(self._name, load(self._wanted, self._report))
        settle()
        return painter

    def _start_worker(self, painter: Painter) -> Worker:
        loop = asyncio.get_running_loop()

        def on_exit() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._worker_exited, worker)

        self._worker = worker = Worker(painter, on_exit)
        worker.start()
        return worker

    async def _warm_up(self, worker: Worker) -> None:
        """A small picture: raises where the worker cannot draw."""
        async for _event in self._drawn(worker, WARM_UP):
            pass

    def _worker_exited(self, worker: Worker) -> None:
        """On the event loop, after the thread's last words: start another."""
        if worker is not self._worker:
            return  # stopped on purpose
        cause = str(worker.last_error or "its thread ended")
        logger.error("The drawing thread died: %s", cause)
        self._release_all(EngineLost("engine_restarted", "Drawing was interrupted."))
        if not self._started or self._painter is None:
            return  # `start` says what happened
        if self._died(cause):
            recovering = self._recover(self._start_worker(self._painter))
            self._recovery = asyncio.create_task(recovering)
        else:
            self._worker = None

    async def _recover(self, worker: Worker) -> None:
        with suppress(EngineError):  # died again: the next recovery is on its way
            await self._warm_up(worker)
            self._ready(self._state.seconds)

    def _ready(self, seconds: float | None) -> None:
        self._started = True
        self._state = ModelState("ready", seconds=seconds)
        logger.info("%s is ready", self._name)

    def _release_all(self, why: EngineError) -> None:
        for job in self._jobs:
            job.inbox.put(why)

    async def _release(self) -> None:
        worker, self._worker, self._painter = self._worker, None, None
        self._started = self._loading = False
        if worker is not None:
            await asyncio.to_thread(worker.stop, STOP_SECONDS)
        self._release_all(EngineLost("engine_stopped", "The engine was stopped."))


def settle() -> None:
    """What was imported and loaded stays: half a million objects, which nobody has to
    look through for garbage again. Streams would wait half a second each time."""
    gc.collect()
    gc.freeze()
