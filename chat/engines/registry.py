"""Which models this installation offers, and the engines behind them.

Knowing the models loads nothing: a web process lists and validates them without
torch. `Engines` are built only where a runner works.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from .. import nudges
from . import image_models
from .base import Engine, EngineError, ModelInfo, ModelState
from .image_models import ImageModel, own_image_model
from .local_models import LocalModel, engine_of, own_model, shelf_of
from .remote import RemoteEngine
from .remote.config import Upstream, from_file, from_url, read_file
from .remote.engine import infos
from .scripted import ScriptedEngine
from .scripted_painter import ScriptedPainter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """One engine to build, and the models it will serve. `needed`: until it is ready
    this process is not. `elsewhere`: it loads nothing, and may know of more models."""

    models: tuple[ModelInfo, ...]
    build: Callable[[], Engine]
    needed: bool = True
    elsewhere: bool = False


def upstreams() -> list[Upstream]:
    """The engines behind HTTP that the settings name."""
    found: list[Upstream] = []
    if settings.CHAT_MODELS_FILE:
        found += from_file(Path(settings.CHAT_MODELS_FILE))
    if settings.CHAT_BASE_URL:
        named = settings.CHAT_MODEL if settings.CHAT_MODEL != "demo" else None
        found.append(from_url(settings.CHAT_BASE_URL, settings.CHAT_API_KEY, named))
    return found


def in_process() -> list[LocalModel]:
    """The models of this process that the file names."""
    path = settings.CHAT_MODELS_FILE
    return list(read_file(Path(path)).local) if path else []


def drawing() -> list[ImageModel]:
    """The models of this process that draw: the file's, and `CHAT_IMAGE_MODEL`."""
    path = settings.CHAT_MODELS_FILE
    found = list(read_file(Path(path)).drawers) if path else []
    name = settings.CHAT_IMAGE_MODEL
    if not name:  # mostly: every start asks
        return found
    named = {model.id for upstream in upstreams() for model in upstream.models}
    named |= {model.id for model in found}
    if name not in named:
        found.insert(0, own_image_model(name))
    return found


def offers() -> list[Offer]:
    """All that this process serves, those that draw last: no other waits for them."""
    return [*_writing(), *map(_drawing, drawing())]


def _writing() -> list[Offer]:
    """What the settings ask for; `CHAT_MODEL`, or the first one, is the default.

    Engines behind HTTP offer what they list by now. A name that nobody has there is
    the name of a model of this process; `demo` is it where there is no other.
    """
    name = settings.CHAT_MODEL
    remote = [_remote(upstream) for upstream in upstreams()]
    local = in_process()
    served = {info.id for offer in remote for info in offer.models}
    served |= {model.id for model in local}
    if name in served or (name == "demo" and (remote or local)):
        return [*remote, *_local(local, warm=not remote)]
    if name == "scripted":
        return [_scripted(), _painter(), *remote, *_local(local)]
    return [*_local([own_model(name), *local]), *remote]


def _remote(upstream: Upstream) -> Offer:
    build = partial(RemoteEngine, upstream)
    return Offer(tuple(infos(upstream)), build, elsewhere=True)


def _drawing(model: ImageModel) -> Offer:
    """A process that only serves need not be able to draw itself."""
    here = image_models.can_draw() or settings.CHAT_ROLE == "web"
    infos = (model.info(),) if here else ()
    return Offer(infos, partial(image_models.engine_of, model), needed=False)


def _scripted() -> Offer:
    info = ModelInfo(
        id="scripted",
        label="Scripted",
        can=frozenset({"penalties", "json", "tools", "logit_bias"}),
    )
    return Offer((info,), ScriptedEngine)


def _painter() -> Offer:
    info = ModelInfo(id="scripted-image", label="Scripted pictures", kind="image")
    return Offer((info,), ScriptedPainter)


def _local(models: Sequence[LocalModel], *, warm: bool = False) -> list[Offer]:
    """One is loaded at the start. Of several, the default is; the others when they are
    asked for. `warm`: the first one is the default if `CHAT_MODEL` names none."""
    infos = tuple(model.info() for model in models)
    if len(models) == 1:
        return [Offer(infos, partial(engine_of, models[0]))]
    ids = [model.id for model in models]
    first = ids[0] if ids and warm else None
    if settings.CHAT_MODEL in ids:
        first = settings.CHAT_MODEL
    return [Offer(infos, partial(shelf_of, models, first))] if ids else []


def models() -> list[ModelInfo]:
    """The defaults first, those that draw behind the others. Two engines that list one
    name: the first one serves it."""
    found: dict[str, ModelInfo] = {}
    for offer in offers():
        for info in offer.models:
            found.setdefault(info.id, info)
    drawer = settings.CHAT_IMAGE_MODEL
    usual = (settings.CHAT_MODEL, own_image_model(drawer).id if drawer else "")
    defaults = [found.pop(name) for name in usual if name in found]
    known = [*defaults, *found.values()]
    return sorted(known, key=lambda info: info.kind == "image")


def find_model(name: str) -> ModelInfo | None:
    return next((info for info in models() if info.id == name), None)


def can(name: str, what: str) -> bool:
    """Whether the model of this name takes it (`ModelInfo.can`)."""
    info = find_model(name)
    return info is not None and what in info.can


class Slot:
    """An offer and its engine, which loads in the background."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.names = frozenset(info.id for info in offer.models)
        self._engine: Engine | None = None
        self.task = asyncio.create_task(self._load(), name="engine-load")

    async def _load(self) -> Engine:
        try:
            self._engine = engine = await asyncio.to_thread(self.offer.build)
            await engine.start()
        except EngineError as error:
            # No nudge: `rungenerations` ends now, and leaves what waits to others.
            # Elsewhere the next look at the queue tells those who wait.
            logger.error("%s: %s", error.code, error.message)
            raise
        nudges.queue.deliver()
        return engine

    @property
    def loaded(self) -> Engine | None:
        done = self.task.done() and not self.task.cancelled()
        return self._engine if done and not self.task.exception() else None

    @property
    def problem(self) -> str | None:
        """Why it cannot serve; None when it is ready."""
        name = self.offer.models[0].id if self.offer.models else "an engine"
        if self.task.done() and self.loaded is None:
            return f"{name}: {self._failure}"
        if self._engine and (problem := self._engine.problem):
            return f"{name}: {problem}"
        return None if self.loaded else f"{name} is loading"

    @property
    def _failure(self) -> object:
        return "stopped" if self.task.cancelled() else self.task.exception()

    @property
    def loading(self) -> frozenset[str]:
        if not self.task.done():
            return self.names
        return self.loaded.loading if self.loaded else frozenset()

    def states(self) -> dict[str, ModelState]:
        if self._engine and (self.loaded or self._engine.problem):
            return self._engine.states()
        failed = self.task.done()
        state = ModelState("failed" if failed else "loading", self.problem or "")
        return {info.id: state for info in self.offer.models}

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        # Also one that was still on its way: a shelf loads in a task of its own.
        if self._engine is not None:
            await self._engine.stop()


class Engines:
    """The engines of this process. They load in the background; `get` waits."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []

    async def start(self) -> None:
        self._slots += map(Slot, offers())
        # Or whoever asks for what only they know would be told that nobody serves it.
        there = (slot.task for slot in self._slots if slot.offer.elsewhere)
        await asyncio.gather(*there, return_exceptions=True)

    async def get(self, model: str) -> Engine:
        """The engine that serves `model`, when it has loaded. Raises `EngineError`."""
        for slot in self._slots:
            if model in slot.names:
                return await asyncio.shield(slot.task)
        for slot in self._slots:
            # Listed since then, in this process or in the one that was asked.
            if (engine := slot.loaded) is not None and engine.serves(model):
                return engine
        raise EngineError(
            "model_not_found", f"The model {model} is not served any more."
        )

    @property
    def loading(self) -> frozenset[str]:
        """The models that cannot be served here yet: another process may be able to.
        Neither those that have failed, nor those that are loaded when they are asked
        for. Two engines list one name: the first serves it."""
        found: frozenset[str] = frozenset()
        for slot in reversed(self._slots):
            found = found - slot.names | slot.loading
        return found

    async def loaded(self) -> None:
        """When all that are needed have loaded. Raises `EngineError` if one cannot."""
        await asyncio.gather(*(asyncio.shield(slot.task) for slot in self._needed))

    @property
    def problem(self) -> str | None:
        """Why not every engine that is needed can serve; None when all are ready."""
        return next((slot.problem for slot in self._needed if slot.problem), None)

    @property
    def _needed(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.offer.needed]

    def states(self) -> dict[str, ModelState]:
        """Of each model, by its id. Two engines list one name: the first serves it."""
        found: dict[str, ModelState] = {}
        for slot in self._slots:
            found = slot.states() | found
        return found

    async def stop(self) -> None:
        for slot in self._slots:
            await slot.stop()
        self._slots.clear()
