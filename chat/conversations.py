"""The message tree: the path to a leaf, siblings, lists.

Nothing here loads a whole conversation: a path is walked by one recursive query,
as far as it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from .database import write
from .engines.base import ChatMessage
from .limits import usage
from .models import Conversation, Generation, Message
from .models.conversation import ConversationQuerySet
from .pictures.rows import of_path, tell_instead
from .privacy import holds
from .rows import Table
from .sql import fetch, places, uuid
from .tool_calls import can_be_made

SAID = Table(Message, "id", "role", "content", "status", "tool_calls", "tool_call_id")
HISTORY_MESSAGES = 200
"""The longest past an engine is given; it drops what its context cannot hold."""

PATH = """
WITH RECURSIVE path(id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM chat_message WHERE id = %s AND conversation_id = %s
    UNION ALL
    SELECT m.id, m.parent_id, path.depth + 1
    FROM chat_message m JOIN path ON m.id = path.parent_id
    WHERE path.depth < %s
)
SELECT id FROM path
"""

TOLD = f"""
WITH RECURSIVE path(answer, id, depth) AS (
    SELECT id, parent_id, 1 FROM chat_message WHERE id IN ({{answers}})
    UNION ALL
    SELECT path.answer, m.parent_id, path.depth + 1
    FROM chat_message m JOIN path ON m.id = path.id
    WHERE path.depth < %s
)
SELECT path.answer, {SAID.columns("m")}
FROM path JOIN chat_message m ON m.id = path.id ORDER BY path.depth DESC
"""

NEWEST_LEAF = """
WITH RECURSIVE below(id, created, depth) AS (
    SELECT id, created, 1 FROM chat_message WHERE id = %s AND conversation_id = %s
    UNION ALL
    SELECT m.id, m.created, below.depth + 1
    FROM chat_message m JOIN below ON m.parent_id = below.id
)
SELECT id FROM below ORDER BY created DESC, depth DESC LIMIT 1
"""


def path_to(leaf: UUID, conversation: UUID, limit: int) -> list[Message]:
    """The last `limit` messages of the path that ends in `leaf`, oldest first, with
    what they drew."""
    ids = path_ids(leaf, conversation, limit)
    found = Message.objects.select_related("generation", "feedback").in_bulk(ids)
    path = [found[key] for key in ids if key in found]
    of_path(path)
    return path


def path_ids(leaf: UUID, conversation: UUID, limit: int) -> list[UUID]:
    """The ids of the same."""
    found = fetch(PATH, [leaf, conversation, limit])
    return [uuid(pk) for (pk,) in reversed(found)]


def newest_leaf(message: UUID, conversation: UUID) -> UUID | None:
    """Where the newest branch below a message ends."""
    found = fetch(NEWEST_LEAF, [message, conversation])
    return uuid(found[0][0]) if found else None


def siblings_of(messages: Iterable[Message]) -> dict[UUID, list[UUID]]:
    """For each message the ids under the same parent, in order of creation."""
    messages = list(messages)
    parents = {message.parent_id for message in messages}
    roots = {m.conversation_id for m in messages if m.parent_id is None}
    rows = Message.objects.filter(
        Q(parent__in=parents - {None}) | Q(parent=None, conversation__in=roots)
    ).order_by("created", "id")
    families: dict[Any, list[UUID]] = defaultdict(list)
    for pk, parent, conversation in rows.values_list(
        "pk", "parent_id", "conversation_id"
    ):
        families[parent or conversation].append(pk)
    return {m.pk: families[m.parent_id or m.conversation_id] for m in messages}


def prompts(
    answers: Sequence[Generation], knows_tools: Callable[[str], bool]
) -> dict[UUID, list[ChatMessage]]:
    """What an engine is told before it writes each of these answers, by its message:
    system prompt and path. A model that knows no tools is not told what they said."""
    told = {row.message_id: _system(row.conversation) for row in answers}
    tools = {row.message_id: knows_tools(row.model) for row in answers}
    query = TOLD.format(answers=places(len(told)))
    path = [
        (uuid(answer), SAID.read(iter(values)))
        for answer, *values in fetch(query, [*told, HISTORY_MESSAGES])
    ]
    tell_instead([row for _answer, row in path])
    for answer, row in path:
        message = as_told(row, tools=tools[answer])
        if message is not None:
            told[answer].append(message)
    return told


def _system(conversation: Conversation) -> list[ChatMessage]:
    text = conversation.system_prompt or settings.CHAT_SYSTEM_PROMPT
    return [ChatMessage(role="system", content=text)] if text else []


def as_told(row: Message, *, tools: bool = True) -> ChatMessage | None:
    """A message for an engine; None when it says nothing. The calls of an answer
    that was cut are left out: no engine takes half of one."""
    told = ChatMessage(role=row.role, content=row.content or row.instead)
    if row.role == "tool":
        return {**told, "tool_call_id": row.tool_call_id} if tools else None
    whole = row.tool_calls and row.status == "done" and can_be_made(row.tool_calls)
    if tools and whole:
        return {**told, "tool_calls": row.tool_calls}
    return told if told["content"] else None


def delete(conversations: Collection[UUID], user: Any) -> list[UUID]:
    """Remove them for good, but for what is held; the ids of generations that were
    live."""
    return purge(Conversation.objects.owned_by(user).filter(pk__in=conversations))


def purge(rows: ConversationQuerySet) -> list[UUID]:
    """Remove them with everything below; the ids of generations that were live.

    What a legal hold covers stays, whoever asks. What those used by their last
    checkpoint is counted: deleting is no way around it.
    """
    rows = rows.filter(~holds.held())
    below = Generation.objects.filter(conversation__in=rows).order_by("pk")
    with write():
        holds.respect()
        # Answers before their conversation, as their ends lock them; the ended ones
        # too: what has ended while one waits for it stays locked.
        list(below.select_for_update().values_list("pk"))
        # What is asked here meanwhile waits for this lock, and finds nothing.
        list(rows.select_for_update().values_list("pk"))
        ended = list(below.live().select_for_update())
        usage.count(ended)
        rows.delete()
    return [generation.pk for generation in ended]
