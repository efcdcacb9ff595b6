"""Pages of a user's conversations: pinned first, newest first.

By keyset, each page one or two range scans of one index, wherever it begins. For that
SQLite wants `archived` and `pinned` compared with a value (`IN (0)`): Django's own
`NOT archived` is no place in an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from .models import Conversation
from .models.conversation import ConversationQuerySet

ORDER = ("-updated", "-id")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation stands in the list."""

    pinned: bool
    updated: datetime
    pk: UUID


def place_of(row: Conversation) -> Place:
    return Place(row.pinned, row.updated, row.pk)


def shelf(
    rows: ConversationQuerySet, *, archived: bool = False, source: str = "web"
) -> ConversationQuerySet:
    """Those that are listed together."""
    return rows.filter(archived__in=[archived], source=source)


def page(
    rows: ConversationQuerySet, behind: Place | None, limit: int
) -> list[Conversation]:
    """The next ones; `rows` are of one user and one shelf."""
    found: list[Conversation] = []
    if behind is None or behind.pinned:
        pinned = rows.filter(*_after(behind), pinned__in=[True])
        found += pinned.order_by(*ORDER)[:limit]
        behind = None
    if len(found) < limit:
        rest = rows.filter(*_after(behind), pinned__in=[False])
        found += rest.order_by(*ORDER)[: limit - len(found)]
    return found


def _after(place: Place | None) -> list[Q]:
    """The first condition says what the others say less well: it bounds the scan."""
    if place is None:
        return []
    older = Q(updated__lt=place.updated) | Q(pk__lt=place.pk)
    return [Q(updated__lte=place.updated), older]
