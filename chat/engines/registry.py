"""Which models this installation offers, and the engines behind them.

Knowing the models loads nothing: a web process lists and validates them without
torch. `Engines` are built only where a runner works.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from .base import Engine, EngineError, ModelInfo
from .scripted import ScriptedEngine

logger = logging.getLogger(__name__)

DEMO_PATH = Path(__file__).resolve().parent.parent.parent / "demo" / "model"


@dataclass(frozen=True, slots=True)
class Offer:
    """One engine to build, and the models it will serve."""

    models: tuple[ModelInfo, ...]
    build: Callable[[], Engine]


def offers() -> list[Offer]:
    """What the settings ask for; the first model is the default."""
    name = settings.CHAT_MODEL
    if name == "scripted":
        info = ModelInfo(id="scripted", label="Scripted", context_tokens=None)
        return [Offer((info,), ScriptedEngine)]
    demo = name == "demo"
    source = str(DEMO_PATH) if demo else name
    label = "Chatsite demo" if demo else Path(name).name or name
    info = ModelInfo(id=name, label=label, demo=demo)
    return [Offer((info,), lambda: _local(source, info))]


def _local(source: str, info: ModelInfo) -> Engine:
    # The one import that brings torch in: only where a local model is served.
    from .local import LocalEngine  # noqa: PLC0415

    return LocalEngine(source, info)


def models() -> list[ModelInfo]:
    return [info for offer in offers() for info in offer.models]


def default_model() -> str:
    return models()[0].id


def find_model(name: str) -> ModelInfo | None:
    return next((info for info in models() if info.id == name), None)


class Engines:
    """The engines of this process. They load in the background; `get` waits."""

    def __init__(self) -> None:
        self._engines: dict[str, asyncio.Task[Engine]] = {}

    async def start(self) -> None:
        for offer in offers():
            task = asyncio.create_task(self._load(offer), name="engine-load")
            for info in offer.models:
                self._engines[info.id] = task

    async def _load(self, offer: Offer) -> Engine:
        try:
            engine = await asyncio.to_thread(offer.build)
            await engine.start()
        except EngineError as error:
            logger.error("%s: %s", error.code, error.message)
            raise
        return engine

    async def get(self, model: str) -> Engine:
        """The engine that serves `model`, when it has loaded. Raises `EngineError`."""
        task = self._engines.get(model)
        if task is None:
            raise EngineError(
                "model_not_found", f"The model {model} is not served any more."
            )
        return await asyncio.shield(task)

    @property
    def loading(self) -> bool:
        """Something here cannot serve yet: another process may be able to."""
        return any(not task.done() for task in self._engines.values())

    async def loaded(self) -> None:
        """When all have loaded. Raises `EngineError` if one cannot."""
        await asyncio.gather(*map(asyncio.shield, self._engines.values()))

    @property
    def problem(self) -> str | None:
        """Why not every engine can serve; None when all are ready."""
        for model, task in self._engines.items():
            if not task.done():
                return f"{model} is loading"
            if error := task.exception():
                return f"{model}: {error}"
            if problem := task.result().problem:
                return f"{model}: {problem}"
        return None

    async def stop(self) -> None:
        for task in set(self._engines.values()):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and task.exception() is None:
                await task.result().stop()
        self._engines.clear()
