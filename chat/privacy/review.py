"""Who on the staff may read a user's conversation, and what it costs them: the
permission `review_conversation`, a setting that allows it, and a reason; and every
reading is in the audit log."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from ..database import write
from ..models import Conversation, Flag, Message, Note
from . import audit, holds
from .audit import Action

PERMISSION = "chat.review_conversation"
REASON_LASTS = timedelta(minutes=15)
"""After that it is asked for again."""
LISTS = "lists"
"""What a reason for titles and search is given for, in place of a conversation's id."""


def may_review(user: Any) -> bool:
    """Something of somebody, for a reason."""
    return settings.CHAT_REVIEW != "off" and bool(user.has_perm(PERMISSION))


def may_review_all(user: Any) -> bool:
    """Everything of everybody, for a reason."""
    return settings.CHAT_REVIEW == "all" and may_review(user)


def readable(
    user: Any, rows: QuerySet[Conversation] | None = None
) -> QuerySet[Conversation]:
    """Those this user may read, for a reason.

    With CHAT_REVIEW=flagged a flag of one's own opens nothing: somebody else, or the
    guard, has to have raised it.
    """
    rows = Conversation.objects.all() if rows is None else rows
    if not may_review(user):
        return rows.none()
    # What its owner deleted is for nobody, unless it is kept for somebody to read.
    rows = rows.filter(Q(deleted=None) | holds.held())
    if settings.CHAT_REVIEW != "flagged":
        return rows
    flags = Flag.objects.standing().exclude(made_by=user)
    return rows.filter(pk__in=flags.values("conversation"))


def reason_for(user: Any, conversation: UUID) -> str | None:
    """The one that was given for it a while ago."""
    return audit.last_reason(user, [str(conversation)], REASON_LASTS)


def reason_for_lists(user: Any) -> str | None:
    return audit.last_reason(user, [LISTS], REASON_LASTS)


def give_reason(user: Any, row: Conversation | None, reason: str) -> None:
    """For reading this conversation, or for titles and search."""
    if row is None:
        audit.record_many(user, Action.OPENED, "conversation", {LISTS: None}, reason)
    else:
        audit.record(user, Action.OPENED, row, whose=row.owner_id, reason=reason)


# Flags and notes


def flag(
    rows: Collection[Conversation],
    *,
    by: Any = None,
    source: str = Flag.Source.STAFF,
    reason: str = "",
    message: Message | None = None,
) -> int:
    """Raise a flag where none is open of this source; how many were raised.

    `message`: the one of the only conversation that it is about.
    """
    about = {"message": message} if message else {"message": None}
    standing = Flag.objects.open().filter(source=source, **about)
    with write():
        there = set(
            standing.filter(conversation__in=rows).values_list(
                "conversation", flat=True
            )
        )
        new = [row for row in rows if row.pk not in there]
        made = [
            Flag(
                conversation=row,
                message=message,
                source=source,
                reason=reason,
                made_by=by,
            )
            for row in new
        ]
        Flag.objects.bulk_create(made, ignore_conflicts=True)
        owners = {row.pk: row.owner_id for row in new}
        audit.record_many(by, Action.FLAGGED, "conversation", owners, reason)
    return len(new)


def decide(flags: QuerySet[Flag], state: str, by: Any) -> int:
    """End what is open as `reviewed` or `dismissed`; how many that was."""
    action = {"reviewed": Action.REVIEWED, "dismissed": Action.DISMISSED}[state]
    return _change(flags, action, by, state=state)


def assign(flags: QuerySet[Flag], to: Any) -> int:
    """Whoever takes it has it, even if somebody else had it before."""
    return _change(flags, Action.ASSIGNED, to, assignee=to)


def _change(flags: QuerySet[Flag], action: Action, by: Any, **values: Any) -> int:
    with write():
        rows = flags.filter(state=Flag.State.OPEN).select_related("conversation")
        changed = {
            row.pk: row.conversation.owner_id
            for row in rows.only("pk", "conversation__owner")
            if Flag.objects.open()
            .filter(pk=row.pk)
            .update(updated=timezone.now(), **values)
        }
        audit.record_many(by, action, "flag", changed)
    return len(changed)


def note(row: Conversation, text: str, by: Any) -> None:
    with write():
        Note.objects.create(conversation=row, author=by, text=text)
        audit.record(by, Action.NOTED, row, whose=row.owner_id)
