"""An export as a ZIP file: the document, and the files of the pictures it names.

Written as it is taken, like every export: the archive is never whole anywhere, and one
picture at a time is in memory.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, cast

from django.db.models import QuerySet

from ..models import Conversation, Picture
from ..pictures import serving
from .document import one_as_json, whole_as_json
from .markdown import one_as_markdown
from .pictures import path_of

logger = logging.getLogger(__name__)
AT_ONCE = 200
WHEN = (1980, 1, 1, 0, 0, 0)
"""Each document tells its own times."""


class Outlet:
    """A file that only grows, and is taken away as it does."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def whole_as_zip(user: Any, *, for_staff: bool = False) -> Iterator[bytes]:
    """All that is the user's; see `chat.exporting.document`."""
    rows = Picture.objects.filter(owner=user)
    if not for_staff:
        rows = Picture.objects.owned_by(user)
    document = whole_as_json(user, for_staff=for_staff)
    return zipped({"chatsite.json": document}, in_pages(rows))


def one_as_zip(row: Conversation) -> Iterator[bytes]:
    """One conversation in both formats, with its pictures."""
    documents = {
        "conversation.json": one_as_json(row.pk),
        "conversation.md": one_as_markdown(row),
    }
    rows = Picture.objects.filter(message__conversation=row)
    return zipped(documents, in_pages(rows))


def zipped(
    documents: Mapping[str, Iterable[bytes]], pictures: Iterable[Picture]
) -> Iterator[bytes]:
    """`documents` by their names in it. A picture whose file is gone is left out."""
    outlet = Outlet()
    with zipfile.ZipFile(cast("IO[bytes]", outlet), "w") as archive:
        for name, parts in documents.items():
            with archive.open(_entry(name, zipfile.ZIP_DEFLATED), "w") as entry:
                for part in parts:
                    entry.write(part)
                    yield from _some(outlet)
        for row in pictures:
            if (data := _read(row)) is not None:
                archive.writestr(_entry(path_of(row), zipfile.ZIP_STORED), data)
                yield from _some(outlet)
    yield from _some(outlet)


def _entry(name: str, how: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, WHEN)
    entry.compress_type = how
    entry.external_attr = 0o600 << 16
    return entry


def _some(outlet: Outlet) -> Iterator[bytes]:
    if data := outlet.taken():
        yield data


def _read(row: Picture) -> bytes | None:
    try:
        return serving.read(row)
    except Exception:  # every storage has errors of its own
        logger.exception("picture %s cannot be exported", row.pk)
        return None


def in_pages(rows: QuerySet[Picture]) -> Iterator[Picture]:
    """Each page is a short query."""
    found = rows.order_by("pk")
    page = list(found[:AT_ONCE])
    while page:
        yield from page
        page = list(found.filter(pk__gt=page[-1].pk)[:AT_ONCE])
