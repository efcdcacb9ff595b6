"""Who may drive a generation: one owner, for a while, with a fencing token.

Each change is one conditional UPDATE that says in its WHERE what must still be true;
whoever changes no row has lost the race. `attempt` grows with every claim, so an
owner that comes back late matches nothing. Leases go by the database's clock, which is
one: those of the hosts may differ.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from . import fair
from .database import CLAIMS, take_turns, write
from .models import Generation

MAX_ATTEMPTS = 5
"""Attempts that may end in a crash. Handing back in good order is not one."""


@dataclass(frozen=True, slots=True)
class Lease:
    generation: UUID
    owner: str
    attempt: int


def claim(
    owner: str, limit: int, driven: Collection[UUID] = frozenset()
) -> list[Lease]:
    """Take up to `limit` generations: dead owners' first, then who is next in turn.

    Not those in `driven`, which the owner still drives: their leases ran out while
    the database was away, and will be renewed.
    """
    leases = [
        Lease(dead.pk, owner, dead.attempt + 1)
        for dead in _expired(limit)
        if dead.pk not in driven and _take_over(dead, owner)
    ]
    return leases + _take_next(limit - len(leases), owner)


def _take_next(limit: int, owner: str) -> list[Lease]:
    """Claims take turns, over all processes: only claiming makes a user's number of
    running ones grow, so none goes beyond the user's bound, and all keep the order."""
    if limit <= 0 or not fair.is_anything_queued():
        return []
    with write():
        take_turns(CLAIMS)
        chosen = fair.next_in_turn(limit)
        rows = Generation.objects.filter(pk__in=chosen)
        changed = rows.filter(status="queued").update(
            status="running",
            owner=owner,
            attempt=F("attempt") + 1,
            lease_until=_end(),
            started=Coalesce("started", timezone.now()),
        )
        if changed < len(chosen):  # others were stopped in between
            ours = rows.filter(status="running", owner=owner)
            taken = set(ours.values_list("pk", flat=True))
            chosen = {pk: chosen[pk] for pk in chosen if pk in taken}
    return [Lease(pk, owner, attempt + 1) for pk, attempt in chosen.items()]


def _expired(limit: int) -> list[Generation]:
    rows = Generation.objects.filter(
        status="running",
        lease_until__lt=Now(),
        crashes__lt=MAX_ATTEMPTS - 1,
    )
    return list(rows.only("pk", "attempt", "owner")[:limit])


def _take_over(dead: Generation, owner: str) -> bool:
    still_so = Generation.objects.held_by(dead.owner, dead.attempt)
    with write():
        return bool(
            still_so.filter(pk=dead.pk, lease_until__lt=Now()).update(
                owner=owner,
                attempt=F("attempt") + 1,
                crashes=F("crashes") + 1,
                lease_until=_end(),
            )
        )


def renew(owner: str, generations: Collection[UUID]) -> set[UUID]:
    """Keep the leases another period; the ones that are still ours."""
    ours = Generation.objects.filter(owner=owner, status="running", pk__in=generations)
    with write():
        if ours.update(lease_until=_end()) == len(generations):
            return set(generations)
    return set(ours.values_list("pk", flat=True))


def release(lease: Lease, *, crashed: bool = False) -> None:
    """Hand back to the queue what this owner will not finish."""
    rows = Generation.objects.filter(pk=lease.generation)
    with write():
        rows.held_by(lease.owner, lease.attempt).update(
            status="queued",
            owner="",
            lease_until=None,
            crashes=F("crashes") + int(crashed),
        )


def exhausted() -> list[Generation]:
    """Running ones that died with their last permitted owner."""
    return list(
        Generation.objects.filter(
            status="running",
            lease_until__lt=Now(),
            crashes__gte=MAX_ATTEMPTS - 1,
        )[:100]
    )


def stop_requested(owner: str) -> set[UUID]:
    """Those of ours that somebody, anywhere, asked to stop."""
    rows = Generation.objects.filter(status="running", owner=owner, stop_requested=True)
    # Not in their usual order: SQLite would read all there are, in that order.
    return set(rows.order_by().values_list("pk", flat=True))


def _end() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.CHAT_LEASE_SECONDS)
