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
from django.db.models import F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from .database import write
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
    """Take up to `limit` generations: dead owners' first, then the longest queued.

    Not those in `driven`, which the owner still drives: their leases ran out while
    the database was away, and will be renewed.
    """
    leases: list[Lease] = []
    for candidate in _expired(limit) + _queued(limit):
        if len(leases) == limit:
            break
        if candidate.pk in driven:
            continue
        if _take(candidate, owner):
            leases.append(Lease(candidate.pk, owner, candidate.attempt + 1))
    return leases


def _queued(limit: int) -> list[Generation]:
    rows = Generation.objects.filter(status="queued").order_by("created")
    return list(rows.only("pk", "attempt", "status", "owner")[:limit])


def _expired(limit: int) -> list[Generation]:
    rows = Generation.objects.filter(
        status="running",
        lease_until__lt=Now(),
        crashes__lt=MAX_ATTEMPTS - 1,
    )
    return list(rows.only("pk", "attempt", "status", "owner")[:limit])


def _take(seen: Generation, owner: str) -> bool:
    still_so = Q(pk=seen.pk, status=seen.status, attempt=seen.attempt)
    crashed = seen.status == "running"
    if crashed:
        still_so &= Q(lease_until__lt=Now())
    with write():
        return bool(
            Generation.objects.filter(still_so).update(
                status="running",
                owner=owner,
                attempt=F("attempt") + 1,
                crashes=F("crashes") + int(crashed),
                lease_until=_end(),
                started=Coalesce("started", timezone.now()),
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
    return set(rows.values_list("pk", flat=True))


def _end() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.CHAT_LEASE_SECONDS)
