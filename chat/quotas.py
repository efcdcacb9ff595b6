"""What one user may: their own quota, else their groups', else the settings.

Looked up at most every few seconds for each user in each process, and not at all while
nobody has a quota.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q

from .models import Quota
from .rates import Rate, parse

SECONDS = 5.0
"""How old what a process knows of quotas may be."""
MOST = 10_000
UNSET = (None, "")


@dataclass(frozen=True, slots=True)
class Allowance:
    """None: no limit."""

    concurrency: int
    queue: int
    rate: Rate | None
    daily_tokens: int | None


class Quotas:
    def __init__(self) -> None:
        self._any: tuple[float, bool]
        self._known: dict[int, tuple[float, list[Quota]]]
        self.forget()

    def forget(self) -> None:
        """Look again: they have just been changed here."""
        self._any, self._known = (0.0, False), {}

    def are_any(self) -> bool:
        until, found = self._any
        if until < time.monotonic():
            found = Quota.objects.exists()
            self._any = (time.monotonic() + SECONDS, found)
        return found

    def of(self, user: Any) -> Allowance:
        quotas = self._of(user.pk) if self.are_any() else []
        rate = _value(quotas, "rate_limit", _speed)
        tokens = _value(quotas, "daily_tokens", lambda most: most or float("inf"))
        return Allowance(
            concurrency=_value(quotas, "concurrency") or settings.CHAT_USER_CONCURRENCY,
            queue=_value(quotas, "queue") or settings.CHAT_USER_QUEUE,
            rate=parse(settings.CHAT_RATE_LIMIT if rate is None else rate),
            daily_tokens=(settings.CHAT_DAILY_TOKENS if tokens is None else tokens)
            or None,
        )

    def _of(self, user: int) -> list[Quota]:
        until, found = self._known.get(user, (0.0, []))
        if until < time.monotonic():
            theirs = Q(user=user) | Q(group__user=user)
            found = list(Quota.objects.filter(theirs))
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[user] = (time.monotonic() + SECONDS, found)
        return found


def _value(
    quotas: list[Quota], name: str, generous: Callable[[Any], float] = float
) -> Any:
    """The user's own, else the most generous one of the groups', else None."""
    found = [
        (quota.user_id is not None, generous(value), value)
        for quota in quotas
        if (value := getattr(quota, name)) not in UNSET
    ]
    return max(found, key=lambda each: each[:2], default=(None,))[-1]


def _speed(rate: str) -> float:
    found = parse(rate)
    return 1 / found.interval if found else float("inf")


quotas = Quotas()
"""As this process knows them."""
