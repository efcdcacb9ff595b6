"""Keep what search reads in step with titles and messages.

Writers only say that a conversation has news (`indexed` false); a runner's process
reads it a moment later, when no answer is being written there. Whatever else makes
conversations, an import or an older version, is caught up with in the same way. What
programs ask through the dialects is not searched.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef

from ..database import write
from ..models import Conversation, Generation, Message, Passage
from .backend import backend
from .fold import fold

ENDS = "\n\n"
"""Behind every body, for the SQLite index (see there)."""
CONVERSATIONS = 8
MESSAGES = 32
"""Bounds of one transaction: on SQLite everybody else waits for it."""


def index_some() -> bool:
    """Index some of what is new; whether there was any."""
    live = Generation.objects.live().filter(conversation=OuterRef("pk"))
    news = Conversation.objects.filter(~Exists(live), indexed=False)
    if not news.exists():
        return False
    with write():
        rows = list(
            news.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .only("pk", "owner", "title", "source", "deleted")
            .order_by()[:CONVERSATIONS]
        )
        room = MESSAGES
        for row in rows:
            room -= index(row, room)
            if room <= 0:
                break  # the rest of it, and of the others, next time
            Conversation.objects.filter(pk=row.pk).update(indexed=True)
    return bool(rows)


def index(conversation: Conversation, limit: int) -> int:
    """Up to `limit` of its messages that are not yet; how many it were."""
    if conversation.source != Conversation.Source.WEB:
        return 0
    index_title(conversation)
    said = Message.objects.filter(conversation=conversation, passage=None)
    new = said.exclude(content="").only("pk", "content").order_by("created", "id")
    rows = [passage(conversation, row.content, row.pk) for row in new[:limit]]
    Passage.objects.bulk_create(rows)
    return len(rows)


def index_title(conversation: Conversation) -> None:
    rows = Passage.objects.filter(conversation=conversation, message=None)
    new = passage(conversation, conversation.title)
    known = rows.values_list("body", flat=True).first()
    if not conversation.title:
        rows.delete()
    elif known is None:
        new.save()
    elif known != new.body:
        rows.update(body=new.body, marks=new.marks)


def passage(
    conversation: Conversation, text: str, message: UUID | None = None
) -> Passage:
    body = fold(text) + ENDS
    return Passage(
        owner_id=conversation.owner_id,
        conversation=conversation,
        message_id=message,
        body=body,
        marks=backend().marks(conversation.owner_id, body),
    )
