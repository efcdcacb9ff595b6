"""One pipeline, whichever it is: what it takes, and how it is asked for a picture."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from chat.engines.base import EngineError
from chat.engines.image.latents import Eye

Look = Callable[[], Image.Image]
OnStep = Callable[[int, int, Look], None]
"""The step that is done (from 1), how many there are, and a look at it."""
DEFAULT_LATENTS = 64


@dataclass(frozen=True, slots=True)
class Order:
    """`width` and `height` in pixels; `seed` of the first of `n` pictures, which the
    next ones count on from. `guidance` None: the pipeline's own."""

    prompt: str
    width: int
    height: int
    steps: int
    seed: int
    guidance: float | None = None
    negative_prompt: str | None = None
    n: int = 1


class Painter:
    """Not for two threads at once: a pipeline keeps the state of its picture."""

    def __init__(self, name: str, pipeline: Any) -> None:
        """Raises EngineError where that is none that draws from a text."""
        self._pipeline = pipeline
        self._takes = inspect.signature(pipeline.__call__).parameters
        refuse_unfit(name, self._takes)
        self._eye = Eye(pipeline)
        # A transformer takes latents in squares of two.
        packed = getattr(pipeline, "transformer", None) is not None
        self.factor = int(pipeline.vae_scale_factor) * (2 if packed else 1)
        self.side = default_side(pipeline)
        self.steps = int(self._takes["num_inference_steps"].default)

    def draw(self, order: Order, number: int, on_step: OnStep) -> Image.Image | None:
        """None where the pipeline's own safety checker withholds it. What `on_step`
        raises ends it."""

        def step(_pipeline: Any, index: int, _time: Any, tensors: Any) -> Any:
            steps = getattr(self._pipeline, "num_timesteps", order.steps)
            latents, size = tensors["latents"], (order.width, order.height)
            on_step(index + 1, steps, lambda: self._eye.look(latents, *size))
            return {}

        said = self._pipeline(
            **self._wishes(order),
            width=order.width,
            height=order.height,
            num_inference_steps=order.steps,
            # On the CPU: the same picture wherever it is drawn.
            generator=torch.Generator("cpu").manual_seed(order.seed + number),
            callback_on_step_end=step,
            output_type="pil",
        )
        withheld = getattr(said, "nsfw_content_detected", None) or [False]
        return None if withheld[0] else said.images[0]

    def _wishes(self, order: Order) -> dict[str, Any]:
        """Not every kind of pipeline takes them all."""
        wishes = {
            "prompt": order.prompt,
            "negative_prompt": order.negative_prompt,
            "guidance_scale": order.guidance,
        }
        return {
            name: wish
            for name, wish in wishes.items()
            if wish is not None and name in self._takes
        }


def refuse_unfit(name: str, takes: Any) -> None:
    needed = {
        *("prompt", "width", "height", "num_inference_steps", "generator"),
        *("callback_on_step_end", "output_type"),
    }
    demanded = {
        word
        for word, said in takes.items()
        if said.default is inspect.Parameter.empty
        and said.kind is not inspect.Parameter.VAR_KEYWORD
    }
    if needed - takes.keys() or demanded - {"prompt"}:
        raise EngineError(
            "model_broken",
            f"{name} is no pipeline that draws from a text step by step: choose"
            " another model.",
        )


def default_side(pipeline: Any) -> int:
    """Pixels of the pictures it was made for."""
    latents = getattr(pipeline, "default_sample_size", None)
    for part in ("unet", "transformer"):
        config = getattr(getattr(pipeline, part, None), "config", None)
        latents = latents or getattr(config, "sample_size", None)
    if isinstance(latents, list | tuple):
        latents = max(latents)
    return int(latents or DEFAULT_LATENTS) * int(pipeline.vae_scale_factor)
