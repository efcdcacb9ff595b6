"""Opaque cursors for keyset paging: a page costs the same wherever it begins."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from django.utils.translation import gettext_lazy as _

from ..errors import ChatError

MAX_LIMIT = 100


def pack(*parts: Any) -> str:
    text = json.dumps([str(part) for part in parts])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(cursor: str, count: int) -> list[str]:
    """The `count` parts of a cursor that `pack` made; a 400 for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, binascii.Error):
        parts = None
    good = isinstance(parts, list) and len(parts) == count
    if not good or not all(isinstance(part, str) for part in parts):
        raise bad_cursor()
    return list(parts)


def bad_cursor() -> ChatError:
    return ChatError(
        _("This is no cursor we gave out. Start from the first page."),
        code="invalid_cursor",
        field="cursor",
    )
