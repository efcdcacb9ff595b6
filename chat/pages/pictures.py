"""Pictures on the pages: the shapes one can choose, and how large they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

from django.conf import settings

from ..models import Generation
from ..pictures.rows import canvas

Json = dict[str, Any]
Size = tuple[int, int]
"""Width and height in pixels."""

SHAPES: dict[str, Size] = {"square": (512, 512), "wide": (768, 512), "tall": (512, 768)}
STEP = 64
"""What every pipeline can draw: multiples of it."""
WIDEST, HIGHEST = 512, 416
"""As static/chat/messages/pictures.js has it: CSS pixels."""


def sizes() -> dict[str, Size]:
    """Of each shape, as large as this site allows."""
    limit: int = settings.CHAT_IMAGE_MAX_PIXELS
    return {name: within(size, limit) for name, size in SHAPES.items()}


def within(size: Size, pixels: int) -> Size:
    width, height = size
    scale = min(1.0, sqrt(pixels / (width * height)))
    return _drawable(width * scale), _drawable(height * scale)


def _drawable(length: float) -> int:
    return max(STEP, int(length) // STEP * STEP)


def shown(images: Iterable[Json]) -> list[Json]:
    """With how large they stand in a transcript, at most."""
    return [
        image | {"shown": fitted(image["width"], image["height"])} for image in images
    ]


def blank(job: Generation) -> Size | None:
    """The same of one that is being drawn."""
    drawing = canvas(job)
    return fitted(drawing["width"], drawing["height"]) if drawing else None


def fitted(width: int, height: int) -> Size:
    wide = round(min(WIDEST, HIGHEST * width / height))
    return wide, round(wide * height / width)
