"""What the guard found, kept for staff: bounded, and without what must not be kept."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError
from django.db.models import Max

from ..database import write
from ..guard import WINDOW, Finding
from ..models import Flag, Generation, GuardFinding
from ..observe import metrics
from ..privacy import holds, review
from .rulebook import Rules

MOST_OF_ONE = 50
"""Of one question or answer. The rest is treated alike, but not noted."""
MOST = 100_000
"""Older ones are removed."""
TRIMMED_AT_ONCE = 1000


def note(rules: Rules, found: Finding, part: str) -> GuardFinding:
    """Not stored, and of nobody yet."""
    row = GuardFinding(
        rule=rules.names.get(found.rule.key, "")[:100],
        action=found.rule.action,
        part=part,
        start=found.start,
        end=found.end,
        text=found.text[:WINDOW],
    )
    row.kind = found.rule.kind
    return row


def belong(
    rows: Sequence[GuardFinding],
    user: int,
    generation: Generation | None,
    *,
    store: bool,
) -> None:
    for row in rows:
        row.user_id, row.generation = user, generation
        if not store:
            row.text = ""


def keep(rows: Sequence[GuardFinding]) -> None:
    """Those of generations that are gone meanwhile go with them."""
    try:
        with write():
            GuardFinding.objects.bulk_create(rows)
            raise_flags(rows)
        metrics.count_found(rows)
    except IntegrityError:
        if len(rows) > 1:
            for row in rows:
                keep([row])


def raise_flags(rows: Sequence[GuardFinding]) -> None:
    """For reviewers; what is only masked is nobody's work."""
    asked = (GuardFinding.Part.PROMPT, GuardFinding.Part.SYSTEM)
    reasons: dict[tuple[Generation, bool], dict[str, None]] = {}
    for row in rows:
        noted = row.action != "mask" and not row.failure
        if row.generation is not None and noted:
            where = (row.generation, row.part in asked)
            reasons.setdefault(where, {})[row.rule] = None
    for (generation, in_question), rules in reasons.items():
        answer = generation.message
        message = answer.parent if in_question else answer
        review.flag(
            [generation.conversation],
            source=Flag.Source.GUARD,
            reason=", ".join(rules)[:500],
            message=message,
        )


def trim() -> bool:
    """Remove some of the oldest beyond the bound; whether there may be more."""
    newest = GuardFinding.objects.aggregate(newest=Max("pk"))["newest"] or 0
    kept = holds.held("generation__conversation", "user")
    rows = GuardFinding.objects.filter(~kept, pk__lte=newest - MOST).order_by("pk")
    with write():
        holds.respect()
        old = list(rows.values_list("pk", flat=True)[:TRIMMED_AT_ONCE])
        GuardFinding.objects.filter(pk__in=old).delete()
    return len(old) == TRIMMED_AT_ONCE
