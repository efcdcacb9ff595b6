"""Store a draft: one transaction, a handful of bulk inserts.

Ids are made from the user, the origin's id and the format, so that the same file twice
finds everything there, and a newer one adds what is new. A conversation that came from
this very site, and is still the user's, is itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError
from django.utils import timezone

from .. import tags
from ..conversations import purge
from ..database import write
from ..errors import ChatError
from ..models import Conversation, Feedback, Generation, Message
from ..tape import SPAN
from ..titles import title_from
from .draft import Draft, DraftMessage

SPACE = UUID("6f9c8a52-6f0e-5c5f-9d43-3d0f3f1a7b1e")
BATCH = 200
TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Stored:
    conversation: UUID
    is_new: bool
    messages: int


def store(user: Any, draft: Draft) -> Stored:
    """How many messages were new; none, if all was there."""
    try:
        with write():
            return _store(user, draft)
    except IntegrityError:
        # The same import is at work elsewhere and was first; look again.
        with write():
            return _store(user, draft)


def _store(user: Any, draft: Draft) -> Stored:
    mine = Conversation.objects.owned_by(user)
    messages = Message.objects.owned_by(user)
    made = uuid5(SPACE, f"{user.pk}:{draft.origin}")
    row = mine.filter(pk__in=[made] + ([draft.own] if draft.own else [])).first()
    pk = row.pk if row else made
    there = set(messages.filter(conversation=pk).values_list("pk", flat=True))
    ids = {m.id: _id_of(m.id, pk, there) for m in draft.messages}
    new = [message for message in draft.messages if ids[message.id] not in there]
    leaf = ids.get(draft.leaf or "") or (
        ids[draft.messages[-1].id] if draft.messages else None
    )
    if row is None:
        # One that was deleted a moment ago and is still to be removed.
        kept = Conversation.objects.filter(pk=pk, owner=user)
        purge(kept)
        if kept.update(deleted=None):  # by a hold: it comes back
            return _store(user, draft)
        fields = _conversation(user, pk, draft)
        _tag(Conversation.objects.create(**fields, leaf_id=leaf), draft)
    _insert(user, pk, draft, new, ids)
    if row is not None and new and row.leaf_id in ids.values():
        # Nobody went on here since: what is new follows.
        mine.filter(pk=pk).update(leaf=leaf)
    if new:
        mine.filter(pk=pk).update(indexed=False)
    return Stored(pk, row is None, len(new))


def _tag(row: Conversation, draft: Draft) -> None:
    """Whose user has too many already keeps those there are."""
    try:
        tags.put(row, draft.tags)
    except ChatError:
        draft.skipped += len(draft.tags)


def _id_of(origin: str, conversation: UUID, there: set[UUID]) -> UUID:
    """A message of this site is itself where it still is."""
    try:
        own = UUID(origin)
    except ValueError:
        own = None
    return own if own in there else uuid5(conversation, origin)


def _conversation(user: Any, pk: UUID, draft: Draft) -> dict[str, Any]:
    moments = [m.created for m in draft.messages if m.created]
    now = timezone.now()
    created = draft.created or min(moments, default=now)
    first = next((m.content for m in draft.messages if m.role == "user"), "")
    return {
        "pk": pk,
        "owner": user,
        "title": draft.title or title_from(first),
        "title_source": "user" if draft.title else "prompt",
        "model": draft.model,
        "system_prompt": draft.system_prompt,
        "source": draft.source,
        "pinned": draft.pinned,
        "archived": draft.archived,
        "created": created,
        "updated": draft.updated or max(moments, default=created),
    }


def _insert(
    user: Any, conversation: UUID, draft: Draft, new: list[DraftMessage], ids: Any
) -> None:
    """`new` is parents first; a moment that is missing is just after its parent's."""
    moments: dict[str, datetime] = {}
    for place, message in enumerate(draft.messages):
        above = moments.get(message.parent or "") or draft.created or timezone.now()
        moments[message.id] = message.created or above + TICK * (place + 1)
    Message.objects.bulk_create(
        [_message(m, conversation, ids, moments[m.id]) for m in new], BATCH
    )
    answers = [m for m in new if m.role == "assistant" and (m.job or m.model)]
    Generation.objects.bulk_create(
        [_generation(user, m, conversation, ids, moments[m.id]) for m in answers], BATCH
    )
    rated = [m for m in new if m.rating]
    Feedback.objects.bulk_create(
        [
            Feedback(message_id=ids[m.id], rating=m.rating, comment=m.comment)
            for m in rated
        ],
        BATCH,
    )


def _message(
    message: DraftMessage, conversation: UUID, ids: Any, created: datetime
) -> Message:
    return Message(
        pk=ids[message.id],
        conversation_id=conversation,
        parent_id=ids.get(message.parent),
        role=message.role,
        content=message.content,
        reasoning=message.reasoning,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        status=message.status,
        tokens=message.tokens,
        created=created,
    )


def _generation(
    user: Any, message: DraftMessage, conversation: UUID, ids: Any, created: datetime
) -> Generation:
    """As if it had been generated here, long ago and to its end."""
    known = {"status": message.status, "finished": created, **message.job}
    known["created"] = known.get("created") or created
    return Generation(
        pk=uuid5(ids[message.id], "generation"),
        user=user,
        conversation_id=conversation,
        message_id=ids[message.id],
        model=message.model,
        attempt=1,
        last_seq=SPAN + 2,
        **known,
    )
