"""Percentiles over any number of hours and processes, from counts that add up.

Durations fall into buckets whose upper ends grow by an eighth root of two: what is read
back is off by a tenth at most, whatever the scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log2

STEPS = 8
"""Buckets each time a duration doubles."""
LAST = 200
"""Nine hours and all that is longer."""


def bucket(ms: float) -> int:
    """0 holds up to a millisecond; another one what is above its lower end, up to
    and with its upper end."""
    return min(LAST, max(0, ceil(STEPS * log2(ms)))) if ms > 1 else 0


def upper_end(number: int) -> float:
    """In milliseconds."""
    return float(2 ** (number / STEPS))


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Milliseconds that this share of the durations stays within; None of nothing."""
    wanted = share * sum(counts.values())
    if not wanted:
        return None
    below = 0
    for number in sorted(counts):
        if below + counts[number] >= wanted:
            inside = (wanted - below) / counts[number]
            return upper_end(number) * 2 ** ((inside - 1) / STEPS)
        below += counts[number]
    return upper_end(max(counts))
