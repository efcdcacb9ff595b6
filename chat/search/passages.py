"""Keep what search reads in step with titles and messages.

Writers only say that a conversation has news (`indexed` false); a runner's process
reads it a moment later, when no answer is being written there. Whatever else makes
conversations, an import or an older version, is caught up with in the same way. What
programs ask through the dialects is not searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef

from ..database import write
from ..models import Conversation, Generation, Message, Passage
from .backend import backend
from .fold import fold

ENDS = "\n\n"
"""Behind every body, for the SQLite index (see there)."""
CONVERSATIONS = 16
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
            .only("pk", "owner", "title", "source")
            .order_by("updated")[:CONVERSATIONS]
        )
        done = index(rows)
        Conversation.objects.filter(pk__in=[row.pk for row in done]).update(
            indexed=True
        )
    return bool(rows)


def index(rows: Sequence[Conversation]) -> list[Conversation]:
    """Index their titles and some of their messages, in the order in which they were
    written: that is the order in which they are found. Those that have no more."""
    searched = {row.pk: row for row in rows if row.source == Conversation.Source.WEB}
    said = Message.objects.filter(conversation__in=searched, passage=None)
    said = said.exclude(content="").order_by("created", "id")
    messages = said.only("pk", "content", "conversation")[:MESSAGES]
    spoken = [
        passage(searched[message.conversation_id], message.content, message.pk)
        for message in messages
    ]
    Passage.objects.bulk_create([*new_titles(searched), *spoken])
    if len(spoken) < MESSAGES:
        return list(rows)
    more = set(said.order_by().values_list("conversation", flat=True))
    return [row for row in rows if row.pk not in more]


def new_titles(rows: Mapping[UUID, Conversation]) -> list[Passage]:
    """The titles that are not there yet. Those that are, are brought up to date."""
    stored = Passage.objects.filter(conversation__in=rows, message=None)
    known = dict(stored.values_list("conversation", "body"))
    missing = []
    for pk, row in rows.items():
        new = passage(row, row.title)
        if not row.title:
            stored.filter(conversation=pk).delete()
        elif pk not in known:
            missing.append(new)
        elif known[pk] != new.body:
            stored.filter(conversation=pk).update(body=new.body, marks=new.marks)
    return missing


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
