"""The models of this process, as the settings name them. Knows nothing of torch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field

from .base import ModelInfo
from .process import ProcessEngine
from .shelf import Shelf
from .templates import takes_tools, template_in

DEMO_PATH = Path(__file__).resolve().parent.parent.parent / "demo" / "model"


TOOLS = frozenset({"tools", "own_choice"})


class LocalModel(BaseModel):
    """`name`: a folder, a hub id (with its `revision`) or `demo`; without it, `id`.

    `context_tokens` and `can` tell processes that do not have the model's files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=200)
    engine: Literal["local"] = "local"
    name: str = ""
    revision: str | None = None
    label: str = ""
    quantization: Literal["none", "int8", "int4"] | None = None
    cache_mb: int | None = Field(default=None, ge=16)
    draft_model: str | None = None
    prompt_lookup_tokens: int | None = Field(default=None, ge=0, le=64)
    context_tokens: int | None = Field(default=None, ge=1)
    can: tuple[Literal["tools"], ...] = ()

    @property
    def demo(self) -> bool:
        return (self.name or self.id) == "demo"

    @property
    def source(self) -> str:
        return str(DEMO_PATH) if self.demo else self.name or self.id

    def info(self) -> ModelInfo:
        folder = folder_of(self.source, self.revision)
        said = known(str(folder), frozenset(os.listdir(folder))) if folder else Known()
        return info_of(self, said)


@dataclass(frozen=True, slots=True)
class Known:
    """What a model's files say of it."""

    context: int | None = None
    tools: bool = False


@cache
def info_of(model: LocalModel, said: Known) -> ModelInfo:
    """Of one that is offered: every start asks."""
    label = "Chatsite demo" if model.demo else Path(model.source).name or model.source
    return ModelInfo(
        id=model.id,
        label=model.label or label,
        demo=model.demo,
        context_tokens=model.context_tokens or said.context,
        can=TOOLS if said.tools or "tools" in model.can else frozenset(),
    )


@cache
def known(folder: str, _files: frozenset[str]) -> Known:
    """Read again when another file has come: one of a download comes after another."""
    place = Path(folder)
    return Known(context_of(place), takes_tools(template_in(place)))


def context_of(folder: Path) -> int | None:
    """The positions a model in a folder was made for. Its engine may have to make do
    with less."""
    try:
        config = json.loads((folder / "config.json").read_text())
        return int(config["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def folder_of(name: str, revision: str | None) -> Path | None:
    """Where its files lie; None while they are still to be fetched. The layout is the
    hub client's, which is not imported where nothing is loaded."""
    if os.path.isdir(path := os.path.expanduser(name)):
        return Path(path)  # as mostly: every start asks, and a `Path` asks slowly
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    hub = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
    model = hub / f"models--{name.replace('/', '--')}"
    revision = revision or "main"
    with suppress(OSError):
        revision = (model / "refs" / revision).read_text().strip()
    folder = model / "snapshots" / revision
    return folder if (folder / "config.json").is_file() else None


def own_model(name: str) -> LocalModel:
    """The one that `CHAT_MODEL` names."""
    return _own(name, settings.CHAT_MODEL_REVISION, settings.CHAT_DRAFT_MODEL)


@cache
def _own(name: str, revision: str | None, draft_model: str | None) -> LocalModel:
    return LocalModel(id=name, revision=revision, draft_model=draft_model)


def engine_of(model: LocalModel) -> ProcessEngine:
    lookup_tokens = model.prompt_lookup_tokens
    if lookup_tokens is None:
        lookup_tokens = settings.CHAT_PROMPT_LOOKUP_TOKENS
    options = {
        "model": model.source,
        "info": model.info(),
        "cache_bytes": in_bytes(model.cache_mb or settings.CHAT_CACHE_MB),
        "budget": in_bytes(settings.CHAT_LOCAL_MEMORY_MB),
        "step_seconds": settings.CHAT_STEP_SECONDS,
        "revision": model.revision,
        "quantization": model.quantization or settings.CHAT_QUANTIZATION,
        "lookup_tokens": lookup_tokens,
        "draft_model": model.draft_model,
    }
    return ProcessEngine(
        "chat.engines.local:LocalEngine",
        model.info(),
        options,
        silence_seconds=settings.CHAT_STEP_SECONDS,
    )


def shelf_of(models: Sequence[LocalModel], first: str | None) -> Shelf:
    budget = in_bytes(settings.CHAT_LOCAL_MEMORY_MB)
    if budget is None:
        # The one import that brings torch in: only it knows of a GPU's memory.
        from .local.room import usable_memory  # noqa: PLC0415

        budget = usable_memory()
    return Shelf([engine_of(model) for model in models], budget, first=first)


def in_bytes(megabytes: int | None) -> int | None:
    return megabytes and megabytes * 2**20
