"""Chatsite's own format: one JSON document, version 1. See docs/export.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

from django.forms.models import model_to_dict
from django.utils import timezone

from ..follow import timing, usage
from ..models import (
    ApiKey,
    Conversation,
    Feedback,
    Generation,
    Message,
    Preferences,
    PromptTemplate,
    Share,
    Usage,
)
from . import pages, signin

FORMAT = "chatsite"
VERSION = 1
WHEN = ("created", "updated")
LIFE = ("created", "expires", "last_used", "revoked")
COUNTS = ("requests", "prompt_tokens", "completion_tokens")
Json = dict[str, Any]


def encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)


def plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def whole_as_json(user: Any) -> Iterator[bytes]:
    """All that is the user's."""
    ids = pages.Ids(Conversation.objects.owned_by(user))
    return pages.pieces(_document(ids.pages(), account(user)))


def one_as_json(conversation: UUID) -> Iterator[bytes]:
    return pages.pieces(_document([[conversation]], {}))


def _document(ids: Iterable[list[UUID]], about: Json) -> Iterator[str]:
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
    yield "\n]}\n"


def _opened(head: Json, name: str) -> str:
    """The object without its end: a list of this name is to follow as its last."""
    return f'{encode(head)[:-1]},"{name}":['


def account(user: Any) -> Json:
    preferences = Preferences.objects.filter(user=user).first()
    templates = PromptTemplate.objects.owned_by(user)
    used = Usage.objects.owned_by(user)
    keys = ApiKey.objects.owned_by(user)
    shares = Share.objects.owned_by(user)
    return {
        "account": {
            "username": user.get_username(),
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "joined": user.date_joined,
            "last_login": user.last_login,
            **signin.account(user),
        },
        "preferences": preferences and model_to_dict(preferences, exclude=["user"]),
        "prompt_templates": list(templates.values("name", "text", *WHEN)),
        "usage": list(used.values("day", "model", "source", *COUNTS)),
        "api_keys": list(keys.values("name", "prefix", "scopes", *LIFE)),
        "shares": list(shares.values("conversation", "title", *WHEN, "revoked")),
    }


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
