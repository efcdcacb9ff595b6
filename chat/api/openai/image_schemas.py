"""Bodies of `/v1/images/generations`, and what it answers.

Keys that are not here are ignored. `docs/api.md` lists what is supported, ignored and
refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from ...asking import Ask
from ...errors import ChatError
from ...pictures.asking import params_of
from ..schemas import Number, Text
from ..tools import unsupported

PARTIAL_IMAGES = 3
CALLED = {"steps": "num_inference_steps", "guidance": "guidance_scale"}
"""Here, of what the native API calls otherwise."""
ONLY_PNG = _("Pictures come as their model makes them, which is mostly PNG.")
STILL = _("No moving pictures are drawn.")
REFUSED = {
    "frame_count": STILL,
    "frame_duration_ms": STILL,
    "svg": _("No vector graphics are drawn."),
}


class ImageGenerationIn(Schema):
    """`seed`, `negative_prompt`, `num_inference_steps` and `guidance_scale` are beyond
    OpenAI's, and called as engines call them."""

    prompt: Text
    model: Annotated[Text | None, Field(max_length=200)] = None
    n: Annotated[StrictInt | None, Field(ge=1, le=10)] = None
    size: Annotated[str | None, Field(max_length=20)] = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: StrictBool | None = None
    partial_images: Annotated[StrictInt | None, Field(ge=0, le=PARTIAL_IMAGES)] = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    output_format: Literal["png", "webp", "jpeg", "gif", "svg"] | None = None
    output_compression: Annotated[StrictInt | None, Field(ge=0, le=100)] = None
    frame_count: Any = None
    frame_duration_ms: Any = None
    svg: Any = None
    seed: Annotated[StrictInt | None, Field(ge=0, lt=2**53)] = None
    negative_prompt: Annotated[Text | None, Field(max_length=2000)] = None
    num_inference_steps: Annotated[StrictInt | None, Field(ge=1)] = None
    guidance_scale: Annotated[Number | None, Field(ge=0, le=50)] = None

    def refuse(self) -> None:
        """What would change the pictures, and cannot be done."""
        for name, why in REFUSED.items():
            if getattr(self, name) is not None:
                raise unsupported(name, why)
        if self.background == "transparent":
            raise unsupported("background", _("Pictures are opaque."))
        if self.output_format not in (None, "png"):
            raise unsupported("output_format", ONLY_PNG)
        if self.output_compression not in (None, 100):
            raise unsupported("output_compression", ONLY_PNG)
        if self.partial_images and not self.stream:
            text = _("Partial images come in a stream: set stream to true.")
            raise unsupported("partial_images", text)
        if self.stream and self.response_format == "url":
            text = _("A stream brings its pictures with it, as b64_json.")
            raise unsupported("response_format", text)

    def asked(self, key: str | None) -> Ask:
        """Raises `ChatError`, which names the field as it is called here."""
        self.refuse()
        try:
            params = params_of(
                size=None if self.size == "auto" else self.size,
                steps=self.num_inference_steps,
                guidance=self.guidance_scale,
                seed=self.seed,
                negative_prompt=self.negative_prompt,
                n=self.n or 1,
            )
        except ChatError as error:
            error.field = CALLED.get(error.field or "", error.field)
            raise
        return Ask(self.model or "", params, key, draws=True)


class GeneratedImage(Schema):
    """One of the two."""

    b64_json: str | None = None
    url: str | None = None


class ImageTokens(Schema):
    image_tokens: int
    text_tokens: int


class ImageUsage(Schema):
    input_tokens: int
    input_tokens_details: ImageTokens
    output_tokens: int
    total_tokens: int


class ImageGenerations(Schema):
    created: int
    data: list[GeneratedImage]
    background: Literal["opaque"]
    output_format: Literal["png", "webp", "jpeg"]
    size: str
    usage: ImageUsage
