"""How often: `60/m`, in settings and quotas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PATTERN = re.compile(r"([1-9][0-9]{0,5})/([smhd])")
OFF = ("", "0", "off")


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` at once, and one more each time a `count`th of the period is over."""

    count: int
    per: str

    @property
    def period(self) -> int:
        """In seconds."""
        return SECONDS[self.per]

    @property
    def interval(self) -> float:
        return self.period / self.count

    def __str__(self) -> str:
        return f"{self.count}/{self.per}"


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a rate when a request has been taken, as programs are told."""

    rate: Rate
    requests: int
    reset: float
    """Seconds until all of them are there again."""

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.rate.count),
            "X-RateLimit-Remaining": str(self.requests),
            "X-RateLimit-Reset": str(ceil(self.reset)),
        }


@lru_cache(64)
def parse(text: str) -> Rate | None:
    """None: no limit. ValueError when it is neither a rate nor off."""
    if text.strip().lower() in OFF:
        return None
    found = PATTERN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a rate: 60/m, also /s, /h and /d, or off")
    return Rate(int(found[1]), found[2])
