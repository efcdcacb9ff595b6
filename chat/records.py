"""A generation with its message and its conversation, by one statement; what it drew
by another, if it did."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from .models import Conversation, Generation, Message
from .pictures.rows import with_pictures
from .rows import Table
from .sql import fetch, places

CONVERSATIONS = Table(Conversation)
MESSAGES = Table(Message)
GENERATIONS = Table(Generation)
LOAD = f"""
SELECT {GENERATIONS.columns("g")}, {MESSAGES.columns("m")}, {CONVERSATIONS.columns("c")}
FROM chat_generation g
JOIN chat_message m ON m.id = g.message_id
JOIN chat_conversation c ON c.id = g.conversation_id
"""


def load(pk: UUID) -> Generation:
    """Raises `Generation.DoesNotExist`."""
    for row in load_all([pk]):
        return row
    raise Generation.DoesNotExist


def load_all(pks: Sequence[UUID]) -> list[Generation]:
    """Those that are there, in no order."""
    found = fetch(f"{LOAD} WHERE g.id IN ({places(len(pks))})", pks)
    rows = [_made(values) for values in found]
    with_pictures(rows)
    return rows


def _made(values: Sequence[object]) -> Generation:
    rest = iter(values)
    row, message = GENERATIONS.read(rest), MESSAGES.read(rest)
    conversation = CONVERSATIONS.read(rest)
    GENERATIONS.link(row, "message", message)
    GENERATIONS.link(row, "conversation", conversation)
    MESSAGES.link(message, "conversation", conversation)
    return row


def let_go(row: Generation) -> None:
    """Of its message and its conversation, which nobody will ask it for."""
    row._state.fields_cache.clear()
