"""Rows in pages: each is one short query, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from ..models import Conversation, Message
from ..pictures.rows import of_path

CONVERSATIONS = 50
MESSAGES = 200
CHARS = 1_000_000
"""A page of messages ends when it has so much text: one long message at most more."""
FETCH = 20
PIECE = 65_536
UUID_BYTES = 16


class Ids:
    """The ids of all that a user has, as of now: 16 bytes each, so that a hundred
    thousand are nothing, and nothing that changes meanwhile is missed or told twice."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        found = rows.order_by().values_list("pk", flat=True)
        self._packed = bytearray()
        for pk in found.iterator(chunk_size=2000):
            self._packed += pk.bytes

    def __len__(self) -> int:
        return len(self._packed) // UUID_BYTES

    def pages(self) -> Iterator[list[UUID]]:
        step = CONVERSATIONS * UUID_BYTES
        for start in range(0, len(self._packed), step):
            page = bytes(self._packed[start : start + step])
            yield [
                UUID(bytes=page[at : at + UUID_BYTES])
                for at in range(0, len(page), UUID_BYTES)
            ]


def conversations(ids: list[UUID]) -> list[Conversation]:
    """In the database's order of ids, which is that of their messages below."""
    rows = Conversation.objects.filter(pk__in=ids).prefetch_related("tags")
    return list(rows.order_by("pk"))


def messages(of: list[UUID]) -> Iterator[Message]:
    """All messages of these conversations: by conversation, then oldest first."""
    rows = (
        Message.objects.filter(conversation__in=of)
        .select_related("generation", "feedback")
        .defer("generation__token_ids")
        .order_by("conversation_id", "created", "id")
    )
    page = _page(rows)
    while page:
        yield from page
        page = _page(rows.filter(_behind(page[-1])))


def _page(rows: QuerySet[Message]) -> list[Message]:
    page, size = [], 0
    for row in rows[:MESSAGES].iterator(chunk_size=FETCH):
        page.append(row)
        size += len(row.content) + len(row.reasoning)
        if size > CHARS:
            break
    of_path(page)
    return page


def _behind(last: Message) -> Q:
    here = Q(conversation=last.conversation_id)
    later = Q(created__gt=last.created) | Q(created=last.created, id__gt=last.pk)
    return Q(conversation_id__gt=last.conversation_id) | (here & later)


def pieces(texts: Iterable[str]) -> Iterator[bytes]:
    """Joined, so that a write is worth its while; none is empty."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()
