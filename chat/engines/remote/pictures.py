"""Pictures from engines that draw: what is asked of them, and what they say.

OpenAI's `POST /images/generations`, streamed with a few partial images; an engine that
cannot stream is asked for the whole. A picture comes as base64, or as an address of the
engine itself. Several are asked for one after another, each with a seed of its own.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import aiohttp
from PIL import Image

from chat.sse import Frame

from ..base import Drawn, EngineRequest
from ..previews import preview_of
from .config import RemoteModel
from .payload import Json, with_defaults
from .trouble import Trouble, broken, in_stream, nonsense

PARTIAL_IMAGES = 3
"""As many as OpenAI sends at most."""
OPTIONAL = (
    *("stream", "partial_images", "seed", "negative_prompt"),
    *("num_inference_steps", "guidance_scale"),
)
"""What a request can do without, where an engine refuses it."""
MAX_BYTES = 32 * 2**20
"""Of a picture's file."""
MAX_FRAME = MAX_BYTES * 3 // 2
"""In base64, and with what is around it."""
MAX_PIXELS = 4096 * 4096
FORMATS = ("PNG", "WEBP", "JPEG")


def wish(request: EngineRequest, model: RemoteModel, number: int) -> Json:
    """The body for picture `number` of the request."""
    params = with_defaults(request.params, model)
    body: Json = {
        "model": model.at_engine,
        "prompt": request.messages[-1]["content"],
        "n": 1,
        "size": "{}x{}".format(*params.size) if params.size else None,
        "stream": True,
        "partial_images": PARTIAL_IMAGES,
        "seed": None if params.seed is None else params.seed + number,
        "negative_prompt": params.negative_prompt or None,
        "num_inference_steps": params.steps,
        "guidance_scale": params.guidance,
    }
    said = {name: value for name, value in body.items() if value is not None}
    return {**said, **model.extra}


@dataclass(frozen=True, slots=True)
class Said:
    """A picture on its way, or the finished one: its file in base64, or where it is."""

    what: Literal["partial", "whole"]
    b64: str = ""
    url: str = ""
    index: int = 0


class Sketch:
    """One picture, as the frames of one response tell of it: pure, no I/O. One that
    breaks off is asked for again from the start: it has `begun` nothing."""

    begun = False

    def __init__(self) -> None:
        self.complete = False
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None

    def take(self, frame: Frame) -> Said | None:
        if frame.data.startswith("[DONE]"):
            return None
        try:
            said = json.loads(frame.data)
        except ValueError as error:
            raise nonsense("a frame is not JSON") from error
        if not isinstance(said, dict):
            raise nonsense("a frame is not an object")
        kind = str(said.get("type") or frame.event)
        if said.get("error") or kind == "error":
            raise in_stream(said.get("error") or said)
        if kind.endswith("partial_image"):
            index = count(said, "partial_image_index") or 0
            return Said("partial", text(said, "b64_json"), index=index)
        if kind.endswith("completed") or "data" in said:
            return self._whole(said)
        return None

    def _whole(self, said: Json) -> Said:
        found = said.get("data", [said])
        if not (isinstance(found, list) and found and isinstance(found[0], dict)):
            raise nonsense("there is no picture in it")
        self._count(said.get("usage"))
        self.complete = True
        whole = Said("whole", text(found[0], "b64_json"), text(found[0], "url"))
        if not (whole.b64 or whole.url):
            raise nonsense("there is no picture in it")
        return whole

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self.prompt_tokens = count(usage, "input_tokens")
            self.completion_tokens = count(usage, "output_tokens")

    def end(self) -> None:
        """Raises `Trouble` where the body ended before the picture came."""
        if not self.complete:
            raise broken("no picture came")


def text(said: Json, name: str) -> str:
    value = said.get(name) or ""
    if not isinstance(value, str):
        raise nonsense(f"{name} is not a string")
    return value


def count(usage: Json, name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and value >= 0 else None


async def previewed(said: Said) -> bytes | None:
    """A small WebP; None of a partial image that is none: the whole may be fine."""
    try:
        return await asyncio.to_thread(lambda: preview_of(opened(decoded(said.b64))))
    except Trouble:
        return None


async def fetched(
    session: aiohttp.ClientSession, base: str, said: Said, seconds: float
) -> Drawn:
    """The picture, after a look at what it is."""
    if said.b64:
        return await asyncio.to_thread(lambda: drawn(decoded(said.b64)))
    data = await download(session, same_host(base, said.url), seconds)
    return await asyncio.to_thread(drawn, data)


def decoded(b64: str) -> bytes:
    try:
        return base64.b64decode(b64.partition("base64,")[2] or b64, validate=True)
    except binascii.Error as error:
        raise nonsense("a picture is not in base64") from error


def opened(data: bytes) -> Image.Image:
    """Of a known format and size; not decoded yet, but it will be possible."""
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise nonsense("a picture is too large")
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise nonsense("a picture is in no known format") from error
    return image


def drawn(data: bytes) -> Drawn:
    image = opened(data)
    kind = f"image/{str(image.format).lower()}"
    return Drawn(data, kind, image.width, image.height)


def same_host(base: str, url: str) -> str:
    """The address, which must be the engine's own: it knows our key, and others in its
    network are none of ours."""
    whole = urljoin(f"{base}/", url)
    if urlsplit(whole)[:2] != urlsplit(base)[:2]:
        raise nonsense("its picture lies on another host")
    return whole


async def download(session: aiohttp.ClientSession, url: str, seconds: float) -> bytes:
    data = bytearray()
    try:
        async with (
            asyncio.timeout(seconds),
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise broken(f"its picture has status {response.status}")
            async for piece in response.content.iter_any():
                data += piece
                if len(data) > MAX_BYTES:
                    raise nonsense("its picture is too large")
    except (aiohttp.ClientError, OSError) as error:
        raise broken(
            f"its picture cannot be fetched ({type(error).__name__})"
        ) from error
    return bytes(data)
