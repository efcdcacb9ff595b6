"""An engine for a process of its own that can do everything to it, also die."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from chat.engines.base import (
    Chunk,
    EngineError,
    EngineEvent,
    EngineRequest,
    ModelInfo,
    ModelState,
    Prompted,
)
from chat.engines.process import ProcessEngine
from chat.engines.scripted import ScriptedEngine
from chat.engines.shelf import Loadable

logger = logging.getLogger("chat.engines.hosted")
FACTORY = "tests.engines.hosted:Hosted"
INFO = ModelInfo("hosted", "Hosted")


class Hosted(Loadable):
    """What it does at its start stands in the file `plan`, a word a line: the first one
    is for the first start, and taken out; without one, it starts.

    Words in the prompt besides those of the scripted engine: `die` and `freeze` after
    eight tokens of a first attempt; `count` for how many answers are under way, as
    prompt tokens.
    """

    def __init__(self, plan: str = "") -> None:
        super().__init__()
        self._plan = Path(plan) if plan else None
        self._scripted = ScriptedEngine(pace=0)
        self._under_way = 0
        self.models = [INFO]

    def states(self) -> dict[str, ModelState]:
        return {"hosted": self._state}

    async def measure(self) -> int:
        self._loading = True
        self._report(ModelState("downloading", "fetching", bytes=3, total_bytes=7))
        await self._obey()
        return 12345

    async def start(self) -> None:
        self._loading = True
        self._report(ModelState("loading", "loading the hosted one"))
        await self._obey()
        self.models = [replace(INFO, context_tokens=77)]
        self._state = ModelState("ready", seconds=0.0)
        logger.warning("started in process %d", os.getpid())

    async def stop(self) -> None:
        """Nobody asks for that: the process leaves."""

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        words = request.messages[-1]["content"].split()
        self._under_way += 1
        tokens = 0
        try:
            if "count" in words:
                yield Prompted(self._under_way)
                return
            async with aclosing(self._scripted.stream(request)) as events:
                async for event in events:
                    yield event
                    tokens += isinstance(event, Chunk)
                    if tokens == 8 and not is_another(request):
                        await self._misbehave(words)
        finally:
            self._under_way -= 1

    async def _misbehave(self, words: list[str]) -> None:
        await asyncio.sleep(0)  # what was said is written first
        await asyncio.sleep(0)
        if "die" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "freeze" in words:
            time.sleep(600)  # the loop, and who listens there
        if "break" in words:
            raise LookupError("what nobody thought of")
        if "guess" in words and self.on_guesses is not None:
            self.on_guesses("lookup", 5, 3)

    async def _obey(self) -> None:
        if self._plan is None or not self._plan.exists():
            return
        word, _, rest = self._plan.read_text().partition("\n")
        self._plan.write_text(rest)
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "leave":
            os._exit(3)
        if word == "refuse":
            self._fail("the hosted one cannot be served: no room")
            raise EngineError("out_of_memory", "no room", retryable=True)
        if word == "wait":
            await asyncio.Event().wait()


def is_another(request: EngineRequest) -> bool:
    """Attempt, as the runner numbers them."""
    _generation, point, attempt = request.id.rpartition(".")
    return bool(point) and attempt != "1"


def hosted(plan: Path | None = None, silence: float = 600) -> ProcessEngine:
    options = {"plan": str(plan) if plan else ""}
    return ProcessEngine(FACTORY, INFO, options, silence_seconds=silence)


@asynccontextmanager
async def running(*given: Any, **options: Any) -> AsyncIterator[ProcessEngine]:
    engine = hosted(*given, **options)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


def process_of(engine: ProcessEngine) -> psutil.Process:
    assert engine._child is not None
    assert engine._child._process is not None
    return psutil.Process(engine._child._process.pid)


def planned(folder: Path, *words: str) -> Path:
    plan = folder / "plan"
    plan.write_text("".join(f"{word}\n" for word in words))
    return plan
