"""Conversations that a reviewer selected, as a file: for training, or as a table.

Only what the reviewer may read at that very moment is written, and each conversation
is in the audit log before its first byte. As elsewhere here, a page at a time.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ..conversations import as_told, path_to
from ..models import Conversation, Message
from ..privacy import audit, review
from . import pages

MESSAGES = 2000
"""Of one conversation: the last ones of the path that its owner sees."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    *("conversation", "owner", "title", "message", "role", "created", "model"),
    *("status", "rating", "comment", "reasoning", "content"),
)
Path = list[Message]


def selected(user: Any, ids: pages.Ids, reason: str) -> Iterator[Conversation]:
    for page in ids.pages():
        rows = list(review.readable(user, Conversation.objects.filter(pk__in=page)))
        owners: dict[UUID, int | None] = {row.pk: row.owner_id for row in rows}
        audit.record_many(user, audit.Action.EXPORTED, "conversation", owners, reason)
        yield from rows


def path_of(row: Conversation) -> Path:
    return path_to(row.leaf_id, row.pk, MESSAGES) if row.leaf_id else []


def as_line(row: Conversation, path: Path) -> Iterator[str]:
    """One example in the format of chat fine-tuning, if anything was answered."""
    told = [message for message in map(as_told, in_words(path)) if message]
    while told and told[-1]["role"] != "assistant":
        told.pop()
    if told:
        system = [{"role": "system", "content": row.system_prompt}]
        messages = [*(system if row.system_prompt else []), *told]
        yield json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


def in_words(path: Path) -> Path:
    """Without what was answered by a picture, and what asked for it."""
    drawn = {row.parent_id for row in path if row.instead}
    return [row for row in path if not row.instead and row.pk not in drawn]


def as_rows(row: Conversation, path: Path) -> Iterator[str]:
    """A line of the table for each message."""
    for message in path:
        job = getattr(message, "generation", None)
        opinion = getattr(message, "feedback", None)
        yield line(
            *(row.pk, row.owner_id, row.title, message.pk, message.role),
            *(message.created.isoformat(), job.model if job else ""),
            *(message.status, opinion.rating if opinion else ""),
            opinion.comment if opinion else "",
            *(message.reasoning, message.content),
        )


def line(*cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(map(plain, cells))
    return out.getvalue()


def plain(cell: Any) -> str:
    """What a spreadsheet would take for a formula begins with an apostrophe."""
    text = str(cell)
    risky = isinstance(cell, str) and text.lstrip(" \u3000").startswith(FORMULA)
    return f"'{text}" if risky else text


@dataclass(frozen=True, slots=True)
class Kind:
    content_type: str
    head: str
    lines: Callable[[Conversation, Path], Iterator[str]]

    def write(
        self, user: Any, rows: QuerySet[Conversation], reason: str
    ) -> Iterator[bytes]:
        ids = pages.Ids(rows)
        return pages.pieces(self._texts(user, ids, reason))

    def _texts(self, user: Any, ids: pages.Ids, reason: str) -> Iterator[str]:
        if self.head:
            yield self.head
        for row in selected(user, ids, reason):
            yield from self.lines(row, path_of(row))


KINDS = {
    "jsonl": Kind("application/jsonl", "", as_line),
    # The mark tells Excel that it is UTF-8.
    "csv": Kind("text/csv; charset=utf-8", "\ufeff" + line(*COLUMNS), as_rows),
}
