"""What a runner writes down: the checkpoint while it runs, and the end.

Both are fenced by the lease: an owner that lost it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from .. import nudges, titles, tool_calls
from ..database import write
from ..events import Snapshot
from ..limits import usage
from ..models import Generation, Message, Picture
from ..pictures import rows
from ..records import CONVERSATIONS, GENERATIONS, MESSAGES
from ..rows import Sql
from ..sql import execute_many
from .lease import Lease


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
    values = [
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
            new.first_token,
            new.first_text,
            new.lease.generation,
            new.lease.owner,
            new.lease.attempt,
        )
        # In the order in which everybody locks them.
        for new in sorted(news, key=lambda new: new.lease.generation)
    ]
    with write():
        execute_many(APPEND, values)


NOT_SEARCHED = Sql("source = 'api'")
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
    pictures: Sequence[Picture] = ()
    """Their files are there; the rows are written with the end."""


End = tuple[Lease, Outcome]


def finish_all(ends: Sequence[End]) -> list[Generation | None]:
    """Write the ends, each if its lease still holds: its row, None if it does not.

    Safe to repeat: when an earlier try was committed but its answer was lost, the
    rows already say so.
    """
    changed: dict[Lease, Generation] = {}
    with write():
        # Everybody locks answers first, in the order of their ids.
        for held, outcome in sorted(ends, key=lambda end: end[0].generation):
            for row in _end(held, outcome):
                changed[held] = row
        for held, outcome in ends:
            if outcome.pictures and held in changed:
                rows.insert(outcome.pictures)
        settle([(changed[held], said.said) for held, said in ends if held in changed])
    rows.with_pictures(list(changed.values()))
    for row in changed.values():
        if row.status == "done" and not row.draws and titles.wanted(row.model):
            nudges.answered.deliver(str(row.pk))
        nudges.conversation_changed(row.user_id, "updated", row.conversation_id)
    return [changed.get(held) or _ended_before(held, said) for held, said in ends]


def _end(held: Lease, outcome: Outcome) -> list[Generation]:
    return GENERATIONS.updated(
        {**_fence(held), "status": "running"},
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


def _ended_before(held: Lease, outcome: Outcome) -> Generation | None:
    ended = Generation.objects.filter(**_fence(held), last_seq=outcome.last_seq)
    found = list(ended)
    rows.with_pictures(found)
    return next(iter(found), None)


def _fence(held: Lease) -> dict[str, Any]:
    return {"id": held.generation, "owner": held.owner, "attempt": held.attempt}


def settle(ended: Sequence[tuple[Generation, Snapshot]]) -> None:
    """Give the messages their final texts, and count what was used."""
    for row, said in sorted(ended, key=lambda one: one[0].conversation_id):
        _settle(row, said if row.store else Snapshot())
    usage.count([row for row, _said in ended])


def _settle(row: Generation, said: Snapshot) -> None:
    """What must not be stored goes: the answer, the question and its history too."""
    MESSAGES.update(
        {"id": row.message_id},
        content=said.text,
        reasoning=said.reasoning,
        tool_calls=tool_calls.stored(said.tool_calls),
        status=row.status,
        # Of a continued answer, those of its beginning are there.
        tokens=Sql("COALESCE(tokens, 0) + %s", (row.completion_tokens,)),
    )
    changes: dict[str, Any] = {"updated": timezone.now(), "indexed": NOT_SEARCHED}
    if not row.store:
        _forget(row)
        changes |= {"title": "", "system_prompt": ""}
    CONVERSATIONS.update({"id": row.conversation_id}, **changes)


def _forget(row: Generation) -> None:
    """What was asked: the messages, and the tools that were described."""
    told = Message.objects.filter(conversation=row.conversation_id)
    told.update(content="", tool_calls=None, tool_call_id="")
    params = {key: value for key, value in row.params.items() if key not in TELLING}
    Generation.objects.filter(pk=row.pk).update(params=params)
