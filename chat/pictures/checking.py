"""What an engine drew is looked at before it becomes a file: is it a picture, of which
kind, and how large? Everything that does not know is refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

CONTENT_TYPES = {"PNG": "image/png", "WEBP": "image/webp", "JPEG": "image/jpeg"}
SUFFIXES = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}
MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 4096 * 4096
"""More than any model draws, and no more memory than one may take: 64 MB."""
THUMBNAIL_PIXELS = 512
"""The longer side: as wide as the widest one in a transcript."""


class NoPicture(ValueError):
    """These bytes are none that could be shown."""


@dataclass(frozen=True, slots=True)
class Checked:
    content_type: str
    width: int
    height: int
    thumbnail: bytes
    """WebP."""


def checked(image: bytes) -> Checked:
    """Decodes all of it: a file that is broken off is found out. Raises `NoPicture`."""
    if len(image) > MAX_BYTES:
        raise NoPicture("the file is too large")
    try:
        with Image.open(BytesIO(image), formats=tuple(CONTENT_TYPES)) as found:
            if found.width * found.height > MAX_PIXELS:
                raise NoPicture("it has too many pixels")
            content_type = CONTENT_TYPES[str(found.format)]
            width, height = found.size
            found.load()
            return Checked(content_type, width, height, thumbnail_of(found))
    except NoPicture:
        raise
    except Exception as error:  # whatever a decoder stumbles over
        raise NoPicture(str(error)) from error


def thumbnail_of(image: Image.Image) -> bytes:
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    out = BytesIO()
    small.save(out, "WEBP", quality=80)
    return out.getvalue()
