"""From claimed leases to what a runner drives: a few reads for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from ..conversations import prompts
from ..engines.base import ChatMessage
from ..engines.registry import can
from ..limits.quotas import quotas
from ..models import Generation
from ..records import load_all
from ..screening.rulebook import rulebook
from .growing import Called, Said
from .job import Job
from .lease import Lease


def prepare(leases: Sequence[Lease]) -> list[Job]:
    """Load what claimed generations need; from their checkpoints if they have some.
    Those that were deleted meanwhile are left out."""
    rows = load_all([held.generation for held in leases])
    return prepared(leases, {row.pk: row for row in rows})


def prepared(leases: Sequence[Lease], rows: Mapping[UUID, Generation]) -> list[Job]:
    """The same of rows that are loaded."""
    rulebook.now()
    told = prompts(list(rows.values()), knows_tools)
    return [
        job_of(held, row, told[row.message_id])
        for held in leases
        if (row := rows.get(held.generation)) is not None
    ]


def knows_tools(model: str) -> bool:
    return can(model, "tools")


def job_of(lease: Lease, row: Generation, messages: list[ChatMessage]) -> Job:
    said = [
        Said([part] if part else [], 1 if part else 0)
        for part in (row.text, row.reasoning, row.token_ids)
    ]
    calls = row.said.tool_calls
    return Job(
        lease=lease,
        row=row,
        messages=messages,
        _text=said[0],
        _reasoning=said[1],
        _ids=said[2],
        _calls=Called(list(calls), len(calls)),
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        first_token=row.first_token,
        first_text=row.first_text,
        behind=row.last_seq,
        # What has begun is finished, whoever goes on with it.
        refused=lease.attempt == 1 and not quotas.may_use(row.user_id, row.model),
        _saved_tokens=row.completion_tokens,
    )
