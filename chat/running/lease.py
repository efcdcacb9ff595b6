"""Who may drive a generation: one owner, for a while, with a fencing token.

Each change is one conditional UPDATE that says in its WHERE what must still be true;
whoever changes no row has lost the race. `attempt` grows with every claim, so an
owner that comes back late matches nothing. Leases go by the database's clock, which is
one: those of the hosts may differ.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from ..database import CLAIMS, take_turns, write
from ..limits import fair
from ..models import Generation
from ..sql import clock, fetch, places, uuid

MAX_ATTEMPTS = 5
"""Attempts that may end in a crash. Handing back in good order is not one."""


@dataclass(frozen=True, slots=True)
class Lease:
    generation: UUID
    owner: str
    attempt: int


def claim(
    owner: str,
    limit: int,
    driven: Collection[UUID] = frozenset(),
    loading: Collection[str] = frozenset(),
    *,
    fresh: bool = False,
) -> list[Lease]:
    """Take up to `limit` generations: dead owners' first, then who is next in turn;
    `fresh`: only of what is queued.

    Not those in `driven`, which the owner still drives: their leases ran out while
    the database was away, and will be renewed. Nor those for the models that the owner
    is `loading`: another one may have them, or they wait until they are there.
    """
    found = [] if fresh else _expired(limit, loading)
    dead = [pk for pk in found if pk not in driven]
    taken = _take_over(owner, dead)
    return taken + _take_next(owner, limit - len(taken), loading)


def take(owner: str, generation: UUID) -> Lease:
    """What this transaction has just stored: nobody else can see it yet."""
    [held] = _take(owner, [generation], "status = 'queued'", f"started = {clock()}")
    return held


def _expired(limit: int, without: Collection[str]) -> list[UUID]:
    but = f" AND model NOT IN ({places(len(without))})" if without else ""
    found = fetch(
        "SELECT id FROM chat_generation WHERE status = 'running'"
        f" AND lease_until < {clock()} AND crashes < %s{but} LIMIT %s",
        [MAX_ATTEMPTS - 1, *without, limit],
    )
    return [uuid(pk) for (pk,) in found]


def _take_over(owner: str, dead: list[UUID]) -> list[Lease]:
    if not dead:
        return []
    still_so = f"status = 'running' AND lease_until < {clock()}"
    with write():
        take_turns(CLAIMS)
        return _take(owner, dead, still_so, "crashes = crashes + 1")


def _take_next(owner: str, limit: int, loading: Collection[str]) -> list[Lease]:
    """Claims take turns, over all processes: only claiming makes a user's number of
    running ones grow, so none goes beyond the user's bound, and all keep the order."""
    if limit <= 0 or not fair.is_anything_queued(loading):
        return []
    with write(ahead=True):
        take_turns(CLAIMS)
        chosen = fair.next_in_turn(limit, loading)
        now = f"started = COALESCE(started, {clock()})"
        taken = _take(owner, chosen, "status = 'queued'", now) if chosen else []
    place = {pk: number for number, pk in enumerate(chosen)}
    return sorted(taken, key=lambda held: place[held.generation])


def _take(owner: str, chosen: list[UUID], still_so: str, also: str) -> list[Lease]:
    """Of these, the ones of which it is still so."""
    found = fetch(
        "UPDATE chat_generation SET status = 'running', owner = %s,"
        f" attempt = attempt + 1, lease_until = {_end()}, {also}"
        f" WHERE id IN ({_locked(len(chosen), still_so)}) AND {still_so}"
        " RETURNING id, attempt",
        [owner, *chosen],
    )
    return [Lease(uuid(pk), owner, attempt) for pk, attempt in found]


def renew(owner: str, generations: Collection[UUID]) -> set[UUID]:
    """Keep the leases another period; the ones that are still ours."""
    held = _locked(len(generations), "owner = %s AND status = 'running'")
    with write():
        found = fetch(
            f"UPDATE chat_generation SET lease_until = {_end()} WHERE id IN ({held})"
            " AND owner = %s AND status = 'running' RETURNING id",
            [*generations, owner, owner],
        )
    return {uuid(pk) for (pk,) in found}


def _locked(count: int, still_so: str) -> str:
    """Of so many, those of which it is so. Everybody who changes several answers locks
    them in the order of their ids: whoever took them in another one could wait for
    somebody who waits for them (a deadlock)."""
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    return (
        f"SELECT id FROM chat_generation WHERE id IN ({places(count)})"
        f" AND {still_so} ORDER BY id{lock}"
    )


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


def _end() -> str:
    return clock(settings.CHAT_LEASE_SECONDS)
