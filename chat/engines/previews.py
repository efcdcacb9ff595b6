"""Pictures on their way: small, whatever they show. Pure Pillow, no torch."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

SIDE = 256
"""Pixels of the longer side, at most."""
LARGEST = 20_000
"""Bytes."""
QUALITIES = (70, 45, 25, 10)
A_SECOND = 5.0
"""Previews, at most."""


def preview_of(image: Image.Image) -> bytes:
    """A WebP of at most `SIDE` pixels a side and `LARGEST` bytes: the quality gives way
    first, then the size. Smaller pictures are scaled up."""
    side = SIDE
    while True:
        small = scaled(image.convert("RGB"), side)
        for quality in QUALITIES:
            data = webp(small, quality)
            if len(data) <= LARGEST:
                return data
        side //= 2


def scaled(image: Image.Image, side: int) -> Image.Image:
    """So that its longer side is that long."""
    share = side / max(image.size)
    width, height = (max(1, round(length * share)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def webp(image: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()
