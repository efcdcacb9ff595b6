"""Rows as the native API shows them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from .follow import timing, usage
from .models import Conversation, Generation, Message
from .pictures.rows import canvas, shown
from .search.find import Shown
from .tool_calls import stored

Json = dict[str, Any]


def generation(row: Generation) -> Json:
    """`text` of a live one is its last checkpoint, at most seconds old."""
    said = row.said if row.is_live else row.message.said
    return {
        "id": row.pk,
        "conversation": row.conversation_id,
        "message": row.message_id,
        "status": row.status,
        "model": row.model,
        "attempt": row.attempt,
        "text": said.text,
        "reasoning": said.reasoning,
        "tool_calls": stored(said.tool_calls),
        "finish_reason": row.finish_reason or None,
        "usage": usage(row),
        "timing": timing(row),
        "images": [shown(picture) for picture in row.drawn],
        "error": error(row),
    }


def error(row: Generation) -> Json | None:
    if row.status != "failed":
        return None
    return {
        "code": row.error_code,
        "message": row.error_message,
        "retryable": row.error_retryable,
    }


def drawn(row: Generation) -> Json:
    """What `POST /api/images` says."""
    return {
        "conversation": row.conversation_id,
        "user_message": row.message.parent_id,
        "message": row.message_id,
        "generation": row.pk,
        "finish_reason": row.finish_reason,
        "images": [shown(picture) for picture in row.drawn],
        "usage": usage(row),
        "timing": timing(row),
    }


def answer(row: Generation) -> Json:
    """What `POST /api/chat` says."""
    return {
        "conversation": row.conversation_id,
        "user_message": row.message.parent_id,
        "message": row.message_id,
        "generation": row.pk,
        "response": row.message.content,
        "reasoning": row.message.reasoning,
        "finish_reason": row.finish_reason,
        "usage": usage(row),
        "timing": timing(row),
    }


def conversation(row: Conversation) -> Json:
    """`row` comes from `to_show`, or is new."""
    return {
        "id": row.pk,
        "title": row.title,
        "model": row.model,
        "system_prompt": row.system_prompt,
        "params": row.params,
        "pinned": row.pinned,
        "archived": row.archived,
        "created": row.created,
        "updated": row.updated,
        "running": bool(getattr(row, "running", False)),
        "leaf": row.leaf_id,
        "tags": [tag.name for tag in row.tags.all()],
    }


def found(row: Conversation, shown: list[Shown]) -> Json:
    """One that a search has found."""
    snippets = [
        {
            "message": piece.message,
            "text": piece.snippet.text,
            "ranges": piece.snippet.ranges,
        }
        for piece in shown
    ]
    return conversation(row) | {"snippets": snippets}


def message(row: Message, siblings: list[UUID]) -> Json:
    """A live answer shows its checkpoint; a reader joins its stream for the rest. What
    it drew has been loaded (`chat.pictures.rows`)."""
    job: Generation | None = getattr(row, "generation", None)
    live = job is not None and job.is_live
    said = job.said if job and live else row.said
    feedback = getattr(row, "feedback", None)
    return {
        "id": row.pk,
        "parent": row.parent_id,
        "role": row.role,
        "content": said.text,
        "reasoning": said.reasoning,
        "tool_calls": stored(said.tool_calls),
        "tool_call_id": row.tool_call_id or None,
        "images": [shown(picture) for picture in job.drawn] if job else [],
        "drawing": canvas(job) if job else None,
        "status": job.status if job else row.status,
        "generation": job.pk if job else None,
        "finish_reason": (job.finish_reason or None) if job else None,
        "error": error(job) if job else None,
        "model": job.model if job else None,
        "usage": usage(job) if job else None,
        "timing": timing(job) if job else None,
        "siblings": siblings,
        "rating": feedback.rating if feedback else 0,
        "comment": feedback.comment if feedback else "",
        "created": row.created,
    }
