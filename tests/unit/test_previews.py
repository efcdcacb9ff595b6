"""Previews: small, whatever they show."""

import os
from io import BytesIO

import pytest
from PIL import Image

from chat.engines.previews import LARGEST, SIDE, preview_of, scaled


def noise(width: int, height: int) -> Image.Image:
    """What compresses worst."""
    return Image.frombytes("RGB", (width, height), os.urandom(3 * width * height))


@pytest.mark.parametrize("size", [(64, 64), (16, 400), (1024, 512), (1, 1)])
def test_a_preview_is_at_most_so_large(size: tuple[int, int]) -> None:
    data = preview_of(noise(*size))

    image = Image.open(BytesIO(data))
    assert image.format == "WEBP"
    assert len(data) <= LARGEST
    assert max(image.size) <= SIDE


def test_a_picture_keeps_its_shape() -> None:
    assert scaled(noise(32, 64), 256).size == (128, 256)
    assert scaled(noise(1000, 1), 256).size == (256, 1)


def test_what_does_not_fit_at_any_quality_gets_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chat.engines.previews.LARGEST", 3000)

    data = preview_of(noise(256, 256))

    assert len(data) <= 3000
    assert max(Image.open(BytesIO(data)).size) < SIDE


def test_transparency_is_no_matter() -> None:
    image = Image.new("LA", (10, 10), (255, 0))

    assert Image.open(BytesIO(preview_of(image))).size == (256, 256)
