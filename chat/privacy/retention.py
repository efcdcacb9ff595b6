"""Conversations in which nothing has happened for long are removed for good.

How long is said, in days since the last question or answer, by a user's own quota, else
by the longest of their groups, else by CHAT_RETENTION_DAYS; 0: for ever. The longest,
as quotas are generous, and as what is gone cannot be brought back: a shorter one for
somebody in several groups is given to the user.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from .. import nudges
from ..conversations import purge
from ..database import write
from ..models import Conversation, Generation, Quota
from ..models.conversation import ConversationQuerySet
from . import audit, holds

LOOKED_AT = 500
PRUNED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Old:
    """A conversation that is kept for so many days, and was last used before them."""

    pk: UUID
    owner: int
    updated: datetime
    days: int

    @property
    def is_due(self) -> bool:
        return self.days > 0 and self.updated < before(self.days)


class Walk:
    """From the conversation that was used least recently on: a page of them at a time,
    so that those who keep theirs for ever are not looked at again for each batch."""

    def __init__(self) -> None:
        self._behind: Old | None = None

    def step(self) -> bool:
        """Remove some of what is due, each in a transaction; whether there may be
        more."""
        page = self._page()
        gone = 0
        for old in page:
            self._behind = old
            gone += old.is_due and remove(old)
            if gone == PRUNED_AT_ONCE:
                return True
        if len(page) == LOOKED_AT:
            return True
        self._behind = None
        return False

    def due(self) -> Iterator[Old]:
        """All that would be removed now."""
        while page := self._page():
            self._behind = page[-1]
            yield from (old for old in page if old.is_due)

    def _page(self) -> list[Old]:
        shortest = shortest_time()
        if shortest is None:
            return []
        rows = candidates().filter(updated__lt=before(shortest))
        if (last := self._behind) is not None:
            later = Q(updated__gt=last.updated) | Q(pk__gt=last.pk)
            rows = rows.filter(later, updated__gte=last.updated)
        rows = rows.order_by("updated", "pk")
        found = list(rows.values_list("pk", "owner", "updated")[:LOOKED_AT])
        days = days_of({owner for _pk, owner, _updated in found})
        return [Old(*row, days[row[1]]) for row in found]


def candidates() -> ConversationQuerySet:
    """Never where an answer is queued or being written, nor what is held."""
    live = Generation.objects.live().filter(conversation=OuterRef("pk"))
    return Conversation.objects.filter(~Exists(live), ~holds.held(), deleted=None)


def remove(old: Old) -> bool:
    """Unless something has happened there meanwhile; whether it is gone."""
    with write():
        purge(candidates().filter(pk=old.pk, updated__lt=before(old.days)))
        if Conversation.objects.filter(pk=old.pk).exists():
            return False
        objects: dict[Any, int | None] = {old.pk: old.owner}
        audit.record_many(None, audit.Action.PRUNED, "conversation", objects)
    nudges.conversation_changed(old.owner, "deleted", old.pk)
    return True


def before(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def shortest_time() -> int | None:
    """Of anybody, in days; None: everything is kept for ever."""
    told = Quota.objects.filter(retention_days__gt=0).order_by("retention_days")
    least = told.values_list("retention_days", flat=True).first()
    every = [days for days in (settings.CHAT_RETENTION_DAYS, least) if days]
    return min(every, default=None)


def days_of(owners: Collection[int]) -> dict[int, int]:
    """How long each of these users' conversations are kept; 0: for ever."""
    told = Quota.objects.exclude(retention_days=None)
    own = told.filter(user__in=owners).values_list("user", "retention_days")
    groups = told.filter(group__user__in=owners)
    longest: dict[int, int] = {}
    for owner, days in groups.values_list("group__user", "retention_days"):
        kept = longest.get(owner, days)
        longest[owner] = max(kept, days) if kept and days else 0
    usual: dict[int, int] = dict.fromkeys(owners, settings.CHAT_RETENTION_DAYS)
    return {**usual, **longest, **{pk: days or 0 for pk, days in own if pk}}
