"""Pictures as OpenAI's `image_generation.*` events, and as one answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...events import Step
from .chunks import encode

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """A finished picture. `place`: in base64, or an address; `format`: png, webp or
    jpeg."""

    place: Json
    format: str
    width: int
    height: int

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


def usage(counts: Mapping[str, int]) -> Json:
    """Prompts are text, pictures are not."""
    asked, drawn = counts["prompt_tokens"], counts["completion_tokens"]
    return {
        "input_tokens": asked,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": asked},
        "output_tokens": drawn,
        "total_tokens": asked + drawn,
    }


def answer(created: int, files: Sequence[File], counts: Mapping[str, int]) -> Json:
    return {
        "created": created,
        "data": [file.place for file in files],
        "background": "opaque",
        "output_format": files[0].format,
        "size": files[0].size,
        "usage": usage(counts),
    }


class ImageEvents:
    """Partial images, evenly over the steps of each picture, then the pictures.

    `partial`: how many of each picture at most, `n`: pictures, `size`: as it was asked
    for, or `auto`. Another attempt begins with the first step again: what was sent of
    it is not sent twice.
    """

    def __init__(self, created: int, size: str, n: int, partial: int) -> None:
        self._head: Json = {
            "created_at": created,
            "background": "opaque",
            "quality": "auto",
        }
        self._size = size
        self._n = n
        self._partial = partial
        self._sent = [0] * n

    def step(self, step: Step) -> bytes:
        """A partial image if it is time for one."""
        each = max(1, step.steps // self._n)
        number = min((step.step - 1) // each, self._n - 1)
        sent, done = self._sent[number], step.step - number * each
        if sent >= self._partial or done * self._partial < sent * each:
            return b""
        self._sent[number] += 1
        head, _comma, b64 = step.image.partition("base64,")
        kind = head.partition("image/")[2].partition(";")[0]
        said = {"partial_image_index": sent, "size": self._size, "output_format": kind}
        return self._frame("partial_image", {**said, "b64_json": b64})

    def completed(self, file: File, used: Json) -> bytes:
        said = {"size": file.size, "output_format": file.format, "usage": used}
        return self._frame("completed", {**said, **file.place})

    def _frame(self, name: str, said: Json) -> bytes:
        kind = f"image_generation.{name}"
        data = encode({"type": kind, **self._head, **said})
        return f"event: {kind}\ndata: {data}\n\n".encode()


def share(counts: Mapping[str, int], n: int, number: int) -> Json:
    """The usage of one of several pictures: that of all of them together is the sum."""
    asked = counts["prompt_tokens"] if number == 0 else 0
    return usage(
        {
            "prompt_tokens": asked,
            "completion_tokens": counts["completion_tokens"] // n,
        }
    )
