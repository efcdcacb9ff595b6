"""ProcessEngine: an engine in another process, as the runner knows one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any, Literal

from chat import nudges
from chat.observe.metrics import count_drafts

from ..base import EngineError, EngineEvent, EngineRequest, ModelInfo, ModelState
from ..shelf import Loadable
from .child import Child
from .pipe import Build, Guessed, Told

logger = logging.getLogger(__name__)

LOOKS = 8
"""At a silence, before it is given up."""


class ProcessEngine(Loadable):
    """One model. Whatever its process dies of, another is started, and the answers that
    were under way go back to the queue (`EngineLost`)."""

    _worker_name = "the process of the model"

    def __init__(
        self,
        factory: str,
        info: ModelInfo,
        options: dict[str, Any],
        *,
        silence_seconds: float = 120,
    ) -> None:
        """`factory`: `module:name` of a `Loadable`, which is given `options`. Starts
        nothing. `silence_seconds`: a process that says nothing for that long hangs,
        and is killed."""
        super().__init__()
        self._build = Build(factory, options)
        self._info = info
        self._silence_seconds = silence_seconds
        self._child: Child | None = None
        self._started = False
        self._measured = False
        self._began = 0.0
        self._seconds: float | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self.models = [info]

    @property
    def options(self) -> dict[str, Any]:
        return self._build.options

    @property
    def problem(self) -> str | None:
        return None if self._state.name == "ready" else self._state.message

    def states(self) -> dict[str, ModelState]:
        return {self._info.id: self._state}

    @property
    def loading(self) -> frozenset[str]:
        return frozenset([self._info.id] if self._recovery is not None else [])

    async def measure(self) -> int:
        size = await self._do("measure")
        self._measured = True
        return size or 0

    async def start(self) -> None:
        if self._started:
            return
        await self._do("start")
        self._started = True
        self._watchdog = asyncio.create_task(self._watch(), name="watch-model")

    async def stop(self) -> None:
        await self._release()
        self._state = ModelState("waiting", "stopped")

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        if self._recovery is not None:
            # Neither ends the other, not even where it is cancelled.
            await asyncio.wait([self._recovery])
        child = self._child
        if child is None or not self._started:
            raise EngineError("not_ready", self._state.message, retryable=True)
        answer = child.ask(request)
        try:
            while events := await answer.fresh():
                for event in events:
                    yield event
        finally:
            await child.drop(request.id, answer)

    async def _do(self, name: Literal["measure", "start"]) -> int | None:
        """In a process, which is started where there is none. It ends with a failure,
        and with whoever gives up waiting: that ends a download, too."""
        try:
            if self._child is None:
                self._began = time.monotonic()
                self._seconds = None
                self._state = ModelState("loading", f"loading {self._info.id}")
                self._child = Child(self._told, self._guessed, self._lost)
                await self._child.begin(self._build)
            return await self._child.do(name)
        except BaseException as error:
            state = self._state
            await self._release()
            said = state.message if state.name == "failed" else str(error)
            self._fail(said)
            raise

    def _told(self, told: Told) -> None:
        state = told.state
        if state.name == "ready":
            # From our start: it does not know how long it took to come to life.
            self._seconds = self._seconds or time.monotonic() - self._began
            state = replace(state, seconds=self._seconds)
        self._state, self.models = state, list(told.models)

    def _guessed(self, said: Guessed) -> None:
        count_drafts(self._info.id, said.source, said.guessed, said.accepted)

    def _lost(self, child: Child) -> None:
        """On the event loop: start another."""
        if child is not self._child or not self._started:
            return  # on purpose, or whoever waits for its start says what happened
        self._child, self._started = None, False
        logger.error("The process of %s ended: %s", self._info.id, child.cause)
        if self._died(child.cause):
            again = self._recover()
            self._recovery = asyncio.create_task(again, name="restart-model")

    async def _recover(self) -> None:
        """What waits for the model waits for this; it raises nothing."""
        try:
            if self._measured:  # so that it keeps to the same share of the memory
                await self._do("measure")
            await self._do("start")
            self._started = True
        except Exception as error:
            logger.exception("%s cannot be started again", self._info.id)
            self._fail(f"{self._worker_name} cannot be started again: {error}")
        finally:
            self._recovery = None
            nudges.queue.deliver()

    async def _watch(self) -> None:
        """Kill a process that hangs so that even its event loop stands still. Silence
        counts in looks, not in time: a machine that slept has heard nobody."""
        loop = asyncio.get_running_loop()
        pause, looks = self._silence_seconds / LOOKS, 0
        while True:
            await asyncio.sleep(pause)
            child = self._child
            silent = child is not None and loop.time() - child.heard > pause
            looks = looks + 1 if silent and self._started else 0
            if child is not None and looks >= LOOKS:
                logger.error("The process of %s hangs", self._info.id)
                child.kill()
                looks = 0

    async def _release(self) -> None:
        """Also from within the recovery, which is not ended by its own failure."""
        child, self._child = self._child, None
        self._started = False
        for task in (self._recovery, self._watchdog):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._watchdog = None
        if child is not None:
            await asyncio.shield(asyncio.create_task(child.end()))
