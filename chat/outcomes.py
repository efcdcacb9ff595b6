"""What a runner writes down: the checkpoint while it runs, and the end.

Both are fenced by the lease: an owner that lost it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from . import nudges, titles, tool_calls, usage
from .database import raw_uuid, write
from .events import Snapshot
from .lease import Lease
from .models import Conversation, Generation, Message


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one lease's holder generated since its last checkpoint.

    `whole`: all of it, replacing the row's text. For when it is not known whether
    the last checkpoint was committed: appending again would double it.
    """

    lease: Lease
    last_seq: int
    text: str
    reasoning: str
    token_ids: str
    tool_calls: str
    prompt_tokens: int
    completion_tokens: int
    first_token: datetime | None
    whole: bool
    marks: tuple[int, ...]
    """How far each of the writer's parts goes in it: for the writer alone."""
    first_text: datetime | None = None


APPEND = """
UPDATE chat_generation
SET text = CASE WHEN %s THEN '' ELSE text END || %s,
    reasoning = CASE WHEN %s THEN '' ELSE reasoning END || %s,
    token_ids = CASE WHEN %s THEN '' ELSE token_ids END || %s,
    tool_calls = CASE WHEN %s THEN '' ELSE tool_calls END || %s,
    last_seq = %s, prompt_tokens = %s, completion_tokens = %s,
    first_token = COALESCE(first_token, %s), first_text = COALESCE(first_text, %s)
WHERE id = %s AND owner = %s AND attempt = %s AND status = 'running'
"""


def checkpoint(news: Sequence[Checkpoint]) -> None:
    """Append what is new, for all of this process's generations at once.

    Fenced row by row. Writes what was added, not the whole text again.
    """
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        (
            new.whole,
            new.text,
            new.whole,
            new.reasoning,
            new.whole,
            new.token_ids,
            new.whole,
            new.tool_calls,
            new.last_seq,
            new.prompt_tokens,
            new.completion_tokens,
            adapt(new.first_token) if new.first_token else None,
            adapt(new.first_text) if new.first_text else None,
            raw_uuid(new.lease.generation),
            new.lease.owner,
            new.lease.attempt,
        )
        for new in news
    ]
    with write(), connection.cursor() as cursor:
        cursor.executemany(APPEND, rows)


NOT_SEARCHED = ExpressionWrapper(Q(source="api"), BooleanField())
TELLING = ("tools", "tool_choice", "response_format", "call")
"""Parameters that may hold words of whoever asked."""
EMPTY_CHECKPOINT = {"text": "", "reasoning": "", "token_ids": "", "tool_calls": ""}
"""The end moves the text to the message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: all it said, and the exact counts."""

    status: str
    said: Snapshot
    prompt_tokens: int
    completion_tokens: int
    last_seq: int
    first_token: datetime | None
    finish_reason: str = ""
    error_code: str = ""
    error_message: str = ""
    error_retryable: bool = False
    first_text: datetime | None = None


def finish(lease: Lease, outcome: Outcome) -> Generation | None:
    """Write the end, if the lease still holds; the row, or None if it does not.

    Safe to repeat: when an earlier try was committed but its answer was lost, the
    row already says so.
    """
    rows = Generation.objects.filter(pk=lease.generation)
    with write():
        changed = rows.held_by(lease.owner, lease.attempt).update(
            status=outcome.status,
            prompt_tokens=outcome.prompt_tokens,
            completion_tokens=outcome.completion_tokens,
            last_seq=outcome.last_seq,
            first_token=outcome.first_token,
            first_text=outcome.first_text,
            finish_reason=outcome.finish_reason,
            error_code=outcome.error_code,
            error_message=outcome.error_message,
            error_retryable=outcome.error_retryable,
            finished=timezone.now(),
            lease_until=None,
            **EMPTY_CHECKPOINT,
        )
        row = rows.first()
        if changed and row is not None:
            settle(row, outcome.said)
    ours = row is not None and row.last_seq == outcome.last_seq
    if changed and row is not None:
        if row.status == "done" and titles.wanted(row.model):
            nudges.answered.deliver(str(row.pk))
        nudges.conversation_changed(row.user_id, "updated", row.conversation_id)
    return row if ours else None


def settle(row: Generation, said: Snapshot) -> None:
    """Give the message its final text, and count what was used. What must not be
    stored goes: the answer, the question and its history too."""
    kept = said if row.store else Snapshot()
    Message.objects.filter(pk=row.message_id).update(
        content=kept.text,
        reasoning=kept.reasoning,
        tool_calls=tool_calls.stored(kept.tool_calls),
        status=row.status,
        # Of a continued answer, those of its beginning are there.
        tokens=Coalesce(F("tokens"), 0) + row.completion_tokens,
    )
    changes: dict[str, Any] = {"updated": timezone.now(), "indexed": NOT_SEARCHED}
    if not row.store:
        _forget(row)
        changes |= {"title": "", "system_prompt": ""}
    Conversation.objects.filter(pk=row.conversation_id).update(**changes)
    usage.count(row)


def _forget(row: Generation) -> None:
    """What was asked: the messages, and the tools that were described."""
    told = Message.objects.filter(conversation=row.conversation_id)
    told.update(content="", tool_calls=None, tool_call_id="")
    params = {key: value for key, value in row.params.items() if key not in TELLING}
    Generation.objects.filter(pk=row.pk).update(params=params)
