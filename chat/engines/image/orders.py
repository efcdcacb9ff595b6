"""What a request asks for, as an order to the painter, within the site's bounds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from math import sqrt

from chat.engines.base import EngineError, EngineRequest
from chat.engines.image.painter import Order, Painter


@dataclass(frozen=True, slots=True)
class Bounds:
    pixels: int
    steps: int


@dataclass(frozen=True, slots=True)
class Defaults:
    """Where a request does not say. None: the pipeline's own."""

    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None


def order_of(
    request: EngineRequest, painter: Painter, bounds: Bounds, defaults: Defaults
) -> Order:
    """Raises EngineError beyond the bounds: of what is asked for, not of what is
    usual, which is made to fit."""
    params = request.params
    refuse_too_much(params.size, params.steps, bounds)
    size = params.size or within(defaults.size or (painter.side,) * 2, bounds.pixels)
    width, height = (fitting(length, painter.factor) for length in size)
    steps = params.steps or min(defaults.steps or painter.steps, bounds.steps)
    guidance = defaults.guidance if params.guidance is None else params.guidance
    return Order(
        prompt=request.messages[-1]["content"],
        width=width,
        height=height,
        steps=steps,
        seed=secrets.randbits(32) if params.seed is None else params.seed,
        guidance=guidance,
        negative_prompt=params.negative_prompt or defaults.negative_prompt,
        n=params.n,
    )


def refuse_too_much(
    size: tuple[int, int] | None, steps: int | None, bounds: Bounds
) -> None:
    if size and size[0] * size[1] > bounds.pixels:
        raise EngineError(
            "invalid_size",
            f"A picture may have {bounds.pixels} pixels. Ask for a smaller size.",
        )
    if steps and steps > bounds.steps:
        raise EngineError("invalid_steps", f"Ask for {bounds.steps} steps at most.")


def within(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """The same shape with no more pixels than that."""
    width, height = size
    share = min(1.0, sqrt(pixels / (width * height)))
    return int(width * share), int(height * share)


def fitting(length: int, factor: int) -> int:
    """The nearest length below that the pipeline can draw."""
    return max(factor, length // factor * factor)
