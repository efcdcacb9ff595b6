"""An engine whose pictures are scripted by the prompt: for tests and for demos.

Words in the last user message steer it, as they do `chat.engines.scripted`:

===============  ============================================================
word             effect
===============  ============================================================
`pace=0.05`      seconds between steps (default: the constructor's)
`fail=3`         EngineError `engine_failed`, retryable, after 3 steps
`hang=3`         silence after 3 steps, until cancelled; `hang=3,`: at the first
                 attempt, `hang=3,5`: after 5 at the second
`lost=3`         EngineLost after 3 steps, at the first attempt
`withhold`       no picture, as a safety checker does: `content_filter`
`jpeg` `webp`    that kind of file (default: PNG)
`broken`         a file that is none
===============  ============================================================

Steps count through all pictures of a request. The same prompt, seed and size give the
same bytes: a square of a colour of its own, from noise.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from .base import (
    Drawn,
    Engine,
    EngineError,
    EngineEvent,
    EngineLost,
    EngineRequest,
    Finished,
    ModelInfo,
    Prompted,
    Stepped,
)
from .scripted import number, of_attempt, seconds

SIZE = (64, 64)
STEPS = 8
BROKEN = b"\x89PNG\r\n\x1a\n<script>alert(1)</script>"
MAX_STEPS = 1000
GRAIN = 8
"""Pixels of noise on each side: seeds differ at a glance."""


@dataclass(frozen=True, slots=True)
class Script:
    pace: float
    fail: int | None
    hang: int | None
    lost: int | None
    words: frozenset[str]

    def kind(self) -> str:
        return next((k for k in ("jpeg", "webp") if k in self.words), "png")


class ScriptedPainter(Engine):
    """Deterministic and asynchronous: no thread, no model."""

    def __init__(self, model: str = "scripted-image", *, pace: float = 0.02) -> None:
        self.models = [ModelInfo(model, "Scripted pictures", kind="image", demo=True)]
        self._pace = pace

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        script = script_of(request, self._pace)
        params = request.params
        width, height = params.size or SIZE
        steps = params.steps or STEPS
        kind = script.kind()
        yield Prompted(0)
        for picture in range(params.n):
            whole = painted((params.seed or 0) + picture, width, height)
            for step in range(steps):
                done = picture * steps + step
                misbehave(script, done, first=request.id.endswith(".1"))
                if script.hang == done:
                    await asyncio.Event().wait()
                await asyncio.sleep(script.pace)
                share = (step + 1) / steps
                yield Stepped(done + 1, params.n * steps, preview(whole, share))
            if "withhold" not in script.words:
                data = BROKEN if "broken" in script.words else file_of(whole, kind)
                yield Drawn(data, f"image/{kind}", width, height)
        withheld = "withhold" in script.words
        yield Finished("content_filter" if withheld else "stop")


def script_of(request: EngineRequest, pace: float) -> Script:
    words = request.messages[-1]["content"].split()
    options = dict(word.split("=", 1) for word in words if "=" in word)
    return Script(
        pace=seconds(options.get("pace"), pace),
        fail=number(options.get("fail"), MAX_STEPS),
        hang=number(of_attempt(options.get("hang"), request), MAX_STEPS),
        lost=number(options.get("lost"), MAX_STEPS),
        words=frozenset(words),
    )


def misbehave(script: Script, done: int, *, first: bool) -> None:
    if script.fail == done:
        raise EngineError("engine_failed", "The script says fail.", retryable=True)
    if script.lost == done and first:
        raise EngineLost("engine_lost", "The script says that the engine dies.")


def painted(seed: int, width: int, height: int) -> Image.Image:
    """Grains of a colour, and of all colours, in places that the seed says."""
    dice = random.Random(seed)
    grains = Image.frombytes("RGB", (GRAIN, GRAIN), dice.randbytes(3 * GRAIN * GRAIN))
    colour = tuple(dice.randbytes(3))
    mixed = Image.blend(grains, Image.new("RGB", grains.size, colour), 0.6)
    return mixed.resize((width, height), Image.Resampling.NEAREST)


def preview(whole: Image.Image, share: float) -> bytes:
    """As far as it has come out of the grey."""
    grey = Image.new("RGB", whole.size, (128, 128, 128))
    out = BytesIO()
    Image.blend(grey, whole, share).resize(SIZE).save(out, "WEBP", quality=60)
    return out.getvalue()


def file_of(whole: Image.Image, kind: str) -> bytes:
    out = BytesIO()
    whole.save(out, kind.upper())
    return out.getvalue()
