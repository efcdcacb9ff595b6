"""When the text of many replies came, and the figures that follow from it: pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from statistics import median

from ..table import percentile


@dataclass(slots=True)
class Reply:
    """Seconds on one clock. `arrivals`: when text came; what came together is one."""

    asked: float = 0.0
    arrivals: list[float] = field(default_factory=list)
    tokens: int = 0

    @property
    def first(self) -> float:
        return self.arrivals[0] - self.asked

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.arrivals)]


Ask = Callable[[int, int], Sequence[Reply]]
"""So many requests at once, of so many tokens at most each."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all requests together. Times in milliseconds."""

    tokens_per_second: float
    first_p50: float
    first_p99: float
    gap_p50: float
    gap_p99: float
    gap_longest: float


def figures(replies: Sequence[Reply]) -> Figures:
    """From the first question to the last text. ValueError for a reply without any."""
    if not all(reply.arrivals for reply in replies):
        raise ValueError("A request got no text.")
    began = min(reply.asked for reply in replies)
    seconds = max(reply.arrivals[-1] for reply in replies) - began
    first = [reply.first * 1000 for reply in replies]
    gaps = [gap * 1000 for reply in replies for gap in reply.gaps]
    return Figures(
        sum(reply.tokens for reply in replies) / seconds if seconds else 0.0,
        percentile(first, 0.5),
        percentile(first, 0.99),
        percentile(gaps, 0.5),
        percentile(gaps, 0.99),
        max(gaps, default=float("nan")),
    )


def middle(rounds: Sequence[Figures]) -> Figures:
    """Each figure's median over the rounds."""
    names = [each.name for each in fields(Figures)]
    return Figures(*(median(getattr(one, name) for one in rounds) for name in names))
