"""Chatsite's own format: one JSON document, version 1. See docs/export.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.utils import timezone

from ..follow import timing, usage
from ..models import (
    Conversation,
    Feedback,
    Generation,
    Message,
)
from . import pages, person, pictures

FORMAT = "chatsite"
VERSION = 1
Json = dict[str, Any]


def encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)


def plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def whole_as_json(user: Any, *, for_staff: bool = False) -> Iterator[bytes]:
    """All that is the user's. For staff also what was noted about them, and what they
    deleted, but is kept under a legal hold."""
    ids = pages.Ids(
        Conversation.objects.filter(owner=user)
        if for_staff
        else Conversation.objects.owned_by(user)
    )
    more = person.written(user) | (person.noted(user) if for_staff else {})
    return pages.pieces(_document(ids.pages(), person.about(user), more))


def one_as_json(conversation: UUID) -> Iterator[bytes]:
    return pages.pieces(_document([[conversation]], {}, {}))


def _document(
    ids: Iterable[list[UUID]], about: Json, more: Mapping[str, Iterator[Json]]
) -> Iterator[str]:
    head = {"format": FORMAT, "version": VERSION, "exported": timezone.now(), **about}
    yield _opened(head, "conversations")
    gap = "\n"
    for page in ids:
        rows = pages.conversations(page)
        every = pages.messages([row.pk for row in rows])
        message = next(every, None)
        for row in rows:
            yield gap + _opened(conversation(row), "messages")
            gap = "\n"
            while message is not None and message.conversation_id == row.pk:
                yield gap + encode(shown(message))
                gap = ",\n"
                message = next(every, None)
            yield "]}"
            gap = ",\n"
    yield "\n]"
    for name, told in more.items():
        yield f',\n"{name}":['
        for place, value in enumerate(told):
            yield (",\n" if place else "\n") + encode(value)
        yield "]"
    yield "}\n"


def _opened(head: Json, name: str) -> str:
    """The object without its end: a list of this name is to follow as its last."""
    return f'{encode(head)[:-1]},"{name}":['


def conversation(row: Conversation) -> Json:
    return {
        "id": row.pk,
        "title": row.title,
        "model": row.model,
        "system_prompt": row.system_prompt,
        "params": row.params,
        "source": row.source,
        "pinned": row.pinned,
        "archived": row.archived,
        "tags": [tag.name for tag in row.tags.all()],
        "created": row.created,
        "updated": row.updated,
        "leaf": row.leaf_id,
    }


def shown(row: Message) -> Json:
    """An answer that is being written, as far as it has come."""
    job: Generation | None = getattr(row, "generation", None)
    live = job is not None and job.is_live
    return {
        "id": row.pk,
        "parent": row.parent_id,
        "role": row.role,
        "content": job.text if job and live else row.content,
        "reasoning": job.reasoning if job and live else row.reasoning,
        "tool_calls": row.tool_calls,
        "tool_call_id": row.tool_call_id,
        "pictures": [pictures.told(drawn) for drawn in job.drawn] if job else [],
        "status": job.status if job else row.status,
        "tokens": row.tokens,
        "created": row.created,
        "generation": generation(job) if job else None,
        "feedback": feedback(getattr(row, "feedback", None)),
    }


def generation(job: Generation) -> Json:
    return {
        "id": job.pk,
        "model": job.model,
        "params": job.params,
        "idempotency_key": job.idempotency_key,
        "status": job.status,
        "finish_reason": job.finish_reason,
        "error": job.error_code,
        "usage": usage(job),
        "timing": timing(job),
        "created": job.created,
        "started": job.started,
        "first_token": job.first_token,
        "finished": job.finished,
    }


def feedback(row: Feedback | None) -> Json | None:
    if row is None:
        return None
    names = ("rating", "comment", "created", "updated")
    return {name: getattr(row, name) for name in names}
