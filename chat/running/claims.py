"""What a runner takes from the queue: claimed and prepared in one hop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from ..limits import fair
from ..screening.rulebook import rulebook
from . import lease
from .job import Job
from .lease import Lease
from .prepare import prepare


@dataclass(slots=True)
class Claimed:
    """`more`: something is queued that could not be claimed. `moment`: when, in
    nanoseconds. `jobs`: what to drive; None where that has to be tried again, for what
    is claimed is not to be forgotten."""

    leases: list[Lease] = field(default_factory=list)
    moment: int = field(default_factory=time.time_ns)
    more: bool = False
    jobs: list[Job] | None = None


def claim(
    owner: str,
    limit: int,
    driven: Collection[UUID],
    loading: frozenset[str],
    fresh: bool,
) -> Claimed:
    """Claim and prepare, in one hop. Nothing while a model is still to come that checks
    what all the others say; it sends a nudge."""
    if loading and not loading.isdisjoint(rulebook.now().judges):
        return Claimed(jobs=[])
    claimed = Claimed(lease.claim(owner, limit, driven, loading, fresh=fresh))
    with contextlib.suppress(Exception):  # whoever tries again, says so
        claimed.jobs = prepare(claimed.leases) if claimed.leases else []
        claimed.more = fair.is_anything_queued(loading)
    return claimed
