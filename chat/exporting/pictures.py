"""What an export tells of pictures, and their files in it."""

from __future__ import annotations

from typing import Any

from ..models import Picture
from ..pictures.checking import SUFFIXES

Json = dict[str, Any]
FACTS = ("number", "content_type", "width", "height", "seed", "created")


def path_of(row: Picture) -> str:
    """Where its file is, in an export that has files."""
    return f"pictures/{row.pk}.{SUFFIXES[row.content_type]}"


def told(row: Picture) -> Json:
    facts = {name: getattr(row, name) for name in FACTS}
    return {"id": row.pk, "file": path_of(row), **facts}
