"""What becomes a file: pictures, and nothing else."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from chat.pictures import checking
from chat.pictures.checking import NoPicture, checked


def made(kind: str, size: tuple[int, int] = (30, 20), mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, size, 1).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("WEBP", "image/webp"), ("JPEG", "image/jpeg")],
)
def test_it_knows_three_kinds(kind: str, content_type: str) -> None:
    found = checked(made(kind))

    assert (found.content_type, found.width, found.height) == (content_type, 30, 20)
    with Image.open(BytesIO(found.thumbnail)) as small:
        assert (small.format, small.size) == ("WEBP", (30, 20))


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "I;16"])
def test_it_takes_every_kind_of_colour(mode: str) -> None:
    assert checked(made("PNG", mode=mode)).width == 30


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        made("GIF"),
        made("BMP"),
        made("TIFF"),
        made("PNG", (200, 200))[:-30],
        made("JPEG", (200, 200))[:400],
    ],
)
def test_it_refuses_everything_else(data: bytes) -> None:
    with pytest.raises(NoPicture):
        checked(data)


def test_it_opens_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its pixels are read: few bytes may have many."""
    bomb = made("PNG", (5000, 5000), "1")
    assert len(bomb) < 20_000
    with pytest.raises(NoPicture, match="pixels"):
        checked(bomb)
    monkeypatch.setattr(checking, "MAX_BYTES", 10)
    with pytest.raises(NoPicture, match="too large"):
        checked(made("PNG"))
