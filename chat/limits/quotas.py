"""What one user may: their own quota, else their groups', else the settings.

Looked up at most every few seconds for each user in each process, and not at all while
nobody has a quota. Whoever changes a quota, or who is in a group, says so: then all
processes look at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from .. import nudges
from ..models import Quota
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
    monthly_tokens: int | None = None


class Quotas:
    def __init__(self) -> None:
        self._any: list[Any]
        self._known: dict[int, tuple[float, list[Quota]]]
        self.forget()

    def forget(self) -> None:
        """Look again: they have just been changed. Who is looking right now puts
        what was found where nobody reads it any more."""
        self._any, self._known = [0.0, False], {}

    def are_any(self) -> bool:
        known = self._any
        if known[0] < time.monotonic():
            found = Quota.objects.exists()
            known[:] = time.monotonic() + SECONDS, found
        return bool(known[1])

    def of(self, user: Any) -> Allowance:
        quotas = self._of(user.pk) if self.are_any() else []
        rate = _value(quotas, "rate_limit", _speed)
        day = _value(quotas, "daily_tokens", _most)
        month = _value(quotas, "monthly_tokens", _most)
        return Allowance(
            concurrency=_value(quotas, "concurrency") or settings.CHAT_USER_CONCURRENCY,
            queue=_value(quotas, "queue") or settings.CHAT_USER_QUEUE,
            rate=parse(settings.CHAT_RATE_LIMIT if rate is None else rate),
            daily_tokens=(settings.CHAT_DAILY_TOKENS if day is None else day) or None,
            monthly_tokens=(settings.CHAT_MONTHLY_TOKENS if month is None else month)
            or None,
        )

    def may_use(self, user: int, model: str) -> bool:
        """By the user's own list of models, else by those of their groups together;
        who has none of these may use all."""
        quotas = self._of(user) if self.are_any() else []
        lists = [quota for quota in quotas if quota.allowed_models]
        own = [quota for quota in lists if quota.user_id is not None]
        named = [quota.allowed_models for quota in own or lists]
        return not named or any(model in names for names in named)

    def _of(self, user: int) -> list[Quota]:
        known = self._known
        until, found = known.get(user, (0.0, []))
        if until < time.monotonic():
            theirs = Q(user=user) | Q(group__user=user)
            found = list(Quota.objects.filter(theirs))
            if len(known) >= MOST:
                known.clear()
            known[user] = (time.monotonic() + SECONDS, found)
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


def _most(tokens: int) -> float:
    return tokens or float("inf")


quotas = Quotas()
"""As this process knows them."""


@receiver(post_save, sender=Quota)
@receiver(post_delete, sender=Quota)
@receiver(m2m_changed, sender=User.groups.through)
def announce(**_how: Any) -> None:
    """This process looks again; when that is committed, all do."""
    quotas.forget()

    def tell() -> None:
        quotas.forget()
        nudges.quotas.send()

    transaction.on_commit(tell)
