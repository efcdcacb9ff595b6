"""The models that draw in this process, as the settings name them. Knows nothing of
torch or diffusers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field

from .base import Engine, EngineError, EngineEvent, EngineRequest, ModelInfo, ModelState

Pixels = Annotated[int, Field(ge=8, le=8192)]
HINT = "pip install -r requirements-images.txt"
MISSING = f"diffusers, which draws, is not installed here: {HINT}"


class Usual(BaseModel):
    """Where a request does not say. None: the pipeline's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: tuple[Pixels, Pixels] | None = None
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=100)
    negative_prompt: str | None = Field(default=None, max_length=2000)


class ImageModel(BaseModel):
    """`name`: a folder, a hub id (with its `revision`) or `demo`; without it, `id`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=200)
    engine: Literal["local"] = "local"
    kind: Literal["image"] = "image"
    name: str = ""
    revision: str | None = None
    label: str = ""
    defaults: Usual = Usual()

    @property
    def source(self) -> str:
        return self.name or self.id

    @property
    def demo(self) -> bool:
        return self.source == "demo"

    def info(self) -> ModelInfo:
        label = "Chatsite demo pictures" if self.demo else Path(self.source).name
        return ModelInfo(
            id=self.id,
            label=self.label or label or self.source,
            demo=self.demo,
            continues=False,
            kind="image",
        )


def own_image_model(name: str) -> ImageModel:
    """The one that `CHAT_IMAGE_MODEL` names. The demo model that writes is called
    demo, too."""
    return ImageModel(id="demo-image" if name == "demo" else name, name=name)


def can_draw() -> bool:
    """Whether diffusers is there; it is not imported."""
    return find_spec("diffusers") is not None


def engine_of(model: ImageModel) -> Engine:
    if not can_draw():
        return Absent(model.info())
    # The one import that brings diffusers in: only where pictures are drawn.
    from .image import ImageEngine  # noqa: PLC0415
    from .image.orders import Bounds, Defaults  # noqa: PLC0415

    return ImageEngine(
        model.source,
        model.info(),
        Bounds(settings.CHAT_IMAGE_MAX_PIXELS, settings.CHAT_IMAGE_MAX_STEPS),
        revision=model.revision,
        defaults=Defaults(**model.defaults.model_dump()),
        step_seconds=settings.CHAT_STEP_SECONDS,
    )


class Absent(Engine):
    """Stands for a model that nothing here can run, and says what is missing."""

    def __init__(self, info: ModelInfo) -> None:
        self._name = info.id
        self.models = []

    def states(self) -> dict[str, ModelState]:
        return {self._name: ModelState("failed", MISSING)}

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        raise EngineError("model_not_found", MISSING)
        yield  # type: ignore[unreachable]
