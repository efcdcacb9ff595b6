"""The models of this process, as the settings name them. Knows nothing of torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field

from .base import ModelInfo
from .shelf import Loadable, Shelf

DEMO_PATH = Path(__file__).resolve().parent.parent.parent / "demo" / "model"


class LocalModel(BaseModel):
    """`name`: a folder, a hub id (with its `revision`) or `demo`; without it, `id`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=200)
    engine: Literal["local"] = "local"
    name: str = ""
    revision: str | None = None
    label: str = ""
    cache_mb: int | None = Field(default=None, ge=16)
    draft_model: str | None = None
    prompt_lookup_tokens: int | None = Field(default=None, ge=0, le=64)

    @property
    def demo(self) -> bool:
        return (self.name or self.id) == "demo"

    @property
    def source(self) -> str:
        return str(DEMO_PATH) if self.demo else self.name or self.id

    def info(self) -> ModelInfo:
        label = "Chatsite demo" if self.demo else Path(self.source).name or self.source
        return ModelInfo(
            id=self.id,
            label=self.label or label,
            demo=self.demo,
            context_tokens=context_of(Path(self.source)),
        )


@cache
def context_of(folder: Path) -> int | None:
    """The positions a model in a folder was made for. Its engine may have to make do
    with less; one that is still to be fetched is not known yet."""
    try:
        config = json.loads((folder / "config.json").read_text())
        return int(config["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def own_model(name: str) -> LocalModel:
    """The one that `CHAT_MODEL` names."""
    return LocalModel(
        id=name,
        revision=settings.CHAT_MODEL_REVISION,
        draft_model=settings.CHAT_DRAFT_MODEL,
    )


def engine_of(model: LocalModel) -> Loadable:
    lookup_tokens = model.prompt_lookup_tokens
    if lookup_tokens is None:
        lookup_tokens = settings.CHAT_PROMPT_LOOKUP_TOKENS
    # The one import that brings torch in: only where a local model is served.
    from .local import LocalEngine  # noqa: PLC0415

    return LocalEngine(
        model.source,
        model.info(),
        cache_bytes=in_bytes(model.cache_mb or settings.CHAT_CACHE_MB),
        budget=in_bytes(settings.CHAT_LOCAL_MEMORY_MB),
        step_seconds=settings.CHAT_STEP_SECONDS,
        revision=model.revision,
        lookup_tokens=lookup_tokens,
        draft_model=model.draft_model,
    )


def shelf_of(models: Sequence[LocalModel], first: str | None) -> Shelf:
    from .local.room import usable_memory  # noqa: PLC0415

    budget = in_bytes(settings.CHAT_LOCAL_MEMORY_MB) or usable_memory()
    return Shelf([engine_of(model) for model in models], budget, first=first)


def in_bytes(megabytes: int | None) -> int | None:
    return megabytes and megabytes * 2**20
