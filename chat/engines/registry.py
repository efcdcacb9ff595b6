"""Which models this installation offers, and the engines behind them.

Knowing the models loads nothing: a web process lists and validates them without
torch. `Engines` are built only where a runner works.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from django.conf import settings

from .base import Engine, EngineError, ModelInfo
from .remote import RemoteEngine
from .remote.config import Upstream, from_file, from_url
from .remote.engine import infos
from .scripted import ScriptedEngine

logger = logging.getLogger(__name__)

DEMO_PATH = Path(__file__).resolve().parent.parent.parent / "demo" / "model"


@dataclass(frozen=True, slots=True)
class Offer:
    """One engine to build, and the models it will serve."""

    models: tuple[ModelInfo, ...]
    build: Callable[[], Engine]


def upstreams() -> list[Upstream]:
    """The engines behind HTTP that the settings name."""
    found: list[Upstream] = []
    if settings.CHAT_MODELS_FILE:
        found += from_file(Path(settings.CHAT_MODELS_FILE))
    if settings.CHAT_BASE_URL:
        named = settings.CHAT_MODEL if settings.CHAT_MODEL != "demo" else None
        found.append(from_url(settings.CHAT_BASE_URL, settings.CHAT_API_KEY, named))
    return found


def offers() -> list[Offer]:
    """What the settings ask for; `CHAT_MODEL`, or the first one, is the default.

    Engines behind HTTP offer what they list by now; behind none of them is the
    model of this process: it is loaded only if it is asked for by name.
    """
    name = settings.CHAT_MODEL
    remote = [_remote(upstream) for upstream in upstreams()]
    served = {info.id for offer in remote for info in offer.models}
    if remote and (name in served or name == "demo"):
        return remote
    return [_own(name), *remote]


def _remote(upstream: Upstream) -> Offer:
    return Offer(tuple(infos(upstream)), partial(RemoteEngine, upstream))


def _own(name: str) -> Offer:
    if name == "scripted":
        info = ModelInfo(
            id="scripted",
            label="Scripted",
            context_tokens=None,
            can=frozenset({"penalties", "json", "tools", "logit_bias"}),
        )
        return Offer((info,), ScriptedEngine)
    demo = name == "demo"
    source = str(DEMO_PATH) if demo else name
    label = "Chatsite demo" if demo else Path(name).name or name
    size = context_of(Path(source))
    info = ModelInfo(id=name, label=label, demo=demo, context_tokens=size)
    return Offer((info,), lambda: _local(source, info))


@cache
def context_of(folder: Path) -> int | None:
    """The positions a model in a folder was made for. Its engine may have to make do
    with less; one that is still to be fetched is not known yet."""
    try:
        config = json.loads((folder / "config.json").read_text())
        return int(config["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _local(source: str, info: ModelInfo) -> Engine:
    # The one import that brings torch in: only where a local model is served.
    from .local import LocalEngine  # noqa: PLC0415

    budget = settings.CHAT_CACHE_MB
    return LocalEngine(
        source,
        info,
        cache_bytes=budget and budget * 2**20,
        step_seconds=settings.CHAT_STEP_SECONDS,
    )


def models() -> list[ModelInfo]:
    """The default first. Two engines that list one name: the first one serves it."""
    found: dict[str, ModelInfo] = {}
    for offer in offers():
        for info in offer.models:
            found.setdefault(info.id, info)
    default = found.pop(settings.CHAT_MODEL, None)
    return [*([default] if default else ()), *found.values()]


def find_model(name: str) -> ModelInfo | None:
    return next((info for info in models() if info.id == name), None)


def can(name: str, what: str) -> bool:
    """Whether the model of this name takes it (`ModelInfo.can`)."""
    info = find_model(name)
    return info is not None and what in info.can


class Engines:
    """The engines of this process. They load in the background; `get` waits."""

    def __init__(self) -> None:
        self._engines: list[tuple[Offer, asyncio.Task[Engine]]] = []

    async def start(self) -> None:
        for offer in offers():
            task = asyncio.create_task(self._load(offer), name="engine-load")
            self._engines.append((offer, task))

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
        for offer, task in self._engines:
            if any(info.id == model for info in offer.models):
                return await asyncio.shield(task)
        for _offer, task in self._engines:
            # Listed since then, in this process or in the one that was asked.
            if task.done() and not task.exception() and task.result().serves(model):
                return task.result()
        raise EngineError(
            "model_not_found", f"The model {model} is not served any more."
        )

    @property
    def loading(self) -> bool:
        """Something here cannot serve yet: another process may be able to."""
        return any(not task.done() for _offer, task in self._engines)

    async def loaded(self) -> None:
        """When all have loaded. Raises `EngineError` if one cannot."""
        await asyncio.gather(*(asyncio.shield(task) for _offer, task in self._engines))

    @property
    def problem(self) -> str | None:
        """Why not every engine can serve; None when all are ready."""
        for offer, task in self._engines:
            name = offer.models[0].id if offer.models else "an engine"
            if not task.done():
                return f"{name} is loading"
            if error := task.exception():
                return f"{name}: {error}"
            if problem := task.result().problem:
                return f"{name}: {problem}"
        return None

    async def stop(self) -> None:
        for _offer, task in self._engines:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and task.exception() is None:
                await task.result().stop()
        self._engines.clear()
