"""Deleting conversations so that it can be undone for a moment.

A deleted one is marked, and by that out of sight everywhere (`owned_by`); its answers
end at once. A little later it is removed for good, by `sweep`, in any process that
runs generations or by `manage.py prune`. What a legal hold covers
(`chat.privacy.holds`) stays marked until it is lifted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from .. import generations, nudges
from ..conversations import delete, purge
from ..database import write
from ..models import Conversation, Generation
from ..models.conversation import ConversationQuerySet
from . import holds

UNDO = timedelta(seconds=30)
"""A page offers to undo for ten seconds; its request may take a while."""
KEPT = timedelta(seconds=60)
"""Longer than that: what is removed cannot be restored at the same time."""
SWEPT_AT_ONCE = 20


def remove(conversations: Collection[UUID], user: Any) -> list[UUID]:
    """Mark them as deleted and stop what is being written there; those it was."""
    rows = Conversation.objects.owned_by(user).filter(pk__in=conversations)
    with write():
        gone = list(rows.select_for_update().values_list("pk", flat=True))
        Conversation.objects.filter(pk__in=gone).update(deleted=Now())
        # After the mark: an answer that is asked for now is refused.
        live = Generation.objects.live().filter(conversation__in=gone)
        answers = list(live.values_list("pk", flat=True))
    for answer in answers:
        generations.halt(answer)
    return gone


def discard(conversations: Collection[UUID], user: Any) -> None:
    """Remove them at once, without a way back; what is held is only out of sight."""
    for live in delete(conversations, user):
        nudges.stop.send(str(live))
    remove(conversations, user)


def restore(conversation: UUID, user: Any) -> bool:
    """Take a deletion back; False when there is none, or it is too late."""
    rows = Conversation.objects.filter(pk=conversation, owner_id=user.pk)
    with write():
        return bool(rows.filter(deleted__gt=Now() - UNDO).update(deleted=None))


def swept() -> ConversationQuerySet:
    """Those deleted a while ago."""
    return Conversation.objects.filter(deleted__lt=Now() - KEPT)


def sweep() -> bool:
    """Remove some of them, each in a transaction; whether there may be more."""
    old = swept().filter(~holds.held())
    rows = list(old.order_by("deleted").values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    for pk in rows:
        for live in purge(old.filter(pk=pk)):
            nudges.stop.send(str(live))
    return len(rows) == SWEPT_AT_ONCE
