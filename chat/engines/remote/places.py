"""The addresses that serve one model: the least busy one that works."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ...inside import Inside

AVOID_SECONDS = 5.0
"""How long an address that failed is the last choice."""


@dataclass(slots=True, eq=False)
class Place:
    """One address. `refused`: keys it refused once, by path, which are left out from
    then on."""

    url: str
    in_use: Inside = field(default_factory=Inside)
    avoid_until: float = 0.0
    refused: dict[str, frozenset[str]] = field(default_factory=dict)

    def failed(self) -> None:
        self.avoid_until = time.monotonic() + AVOID_SECONDS

    def works(self) -> None:
        self.avoid_until = 0.0

    @property
    def busy(self) -> int:
        """Requests of this process."""
        return self.in_use.count


class Places:
    def __init__(self, urls: Sequence[str]) -> None:
        self._all = [Place(url) for url in urls]

    def __len__(self) -> int:
        return len(self._all)

    def pick(self, tried: Collection[Place] = ()) -> Place:
        """One that was not tried yet for this request, that did not fail lately,
        and of those the one with the fewest requests from this process."""
        now = time.monotonic()
        return min(
            self._all,
            key=lambda place: (place in tried, place.avoid_until > now, place.busy),
        )
