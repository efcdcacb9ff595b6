"""What one user may ask for, checked where an answer is stored.

Every API asks through `chat.asking`, so the check lives beside it and not in one of
them. It runs in the transaction that stores the answer: who is refused, has stored and
used nothing. Exact over all processes, because a user's starts take turns. What is off
costs nothing; what is on, a statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..database import take_turns
from ..errors import BusyError, LimitError
from ..sql import fetch
from . import usage
from .fair import LIVE
from .quotas import Allowance, quotas
from .rates import Left, Rate

STARTS = 0x43480002
"""The lock of a user's starts. See `chat.database.take_turns`."""
RETRY_SECONDS = 5
COUNTS = f"""
SELECT COUNT(*), COUNT(CASE WHEN user_id = %s THEN 1 END), (
    SELECT COUNT(*) FROM chat_generation
    WHERE {LIVE} AND status = 'running' AND user_id = %s
)
FROM chat_generation WHERE {LIVE} AND status = 'queued'
"""

# The generic cell rate algorithm: `due` moves on by an interval with each request, from
# now or from where it was, and may be so far ahead of now as all but one take.
NOW = {
    "postgresql": "EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP())::float8",
    "sqlite": "((JULIANDAY('now') - 2440587.5) * 86400.0)",
}
STEP = """
INSERT INTO chat_pace (user_id, due) VALUES (%s, {now} + %s)
ON CONFLICT (user_id) DO UPDATE
SET due = CASE WHEN chat_pace.due > {now} THEN chat_pace.due ELSE {now} END + %s
WHERE chat_pace.due <= {now} + %s
RETURNING due - {now}
"""
AHEAD = "SELECT due - {now} FROM chat_pace WHERE user_id = %s"
TICK = 0.001
"""What clocks round to; a request is not refused for less."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """`params`: with no more tokens than the user has left. `left`: of the user's rate,
    if there is one. `is_next`: nobody waits, and the user may have one more running."""

    params: dict[str, Any]
    left: Left | None
    is_next: bool


def admit(user: Any, params: dict[str, Any]) -> Admitted:
    """What may be stored.

    Raises `BusyError` and `LimitError`: refused before anything is stored rather than
    slow for everybody. What all users wait for together is counted without a lock:
    starts at the same moment may go a few beyond it.
    """
    allowed = quotas.of(user)
    take_turns(STARTS, user.pk)
    is_next = _check_queues(user, allowed)
    pictures = params.get("n", 0)
    for tokens in _left(user, allowed, pictures * settings.CHAT_IMAGE_TOKENS):
        params = params if pictures else _within(params, tokens)
    left = _step(user, allowed.rate) if allowed.rate else None
    return Admitted(params, left, is_next)


def _check_queues(user: Any, allowed: Allowance) -> bool:
    """Whether it need not wait. One statement: what another process claims meanwhile
    is either still queued in it, or running."""
    [(everybodys, own, running)] = fetch(COUNTS, [user.pk, user.pk])
    if everybodys >= settings.CHAT_MAX_QUEUED:
        raise BusyError(
            _("Too many answers are waiting. Nothing was stored; try again soon."),
            code="queue_full",
            after=RETRY_SECONDS,
        )
    if own >= allowed.queue:
        text = ngettext(
            "%(limit)d of your questions is waiting for its turn, and no more may. "
            "Nothing was stored; ask again when it has begun.",
            "%(limit)d of your questions are waiting for their turn, and no more may. "
            "Nothing was stored; ask again when one has begun.",
            allowed.queue,
        )
        raise LimitError(
            text % {"limit": allowed.queue},
            code="user_queue_full",
            after=RETRY_SECONDS,
        )
    return not everybodys and running < allowed.concurrency


def _left(user: Any, allowed: Allowance, cost: int) -> Iterator[int]:
    """Tokens of today, and of this month: some, and as many as it costs where that is
    known. Those that run already are not counted yet: a user may go beyond a limit by
    what they had under way."""
    least = max(1, cost)
    if (limit := allowed.daily_tokens) is not None:
        left = limit - usage.used_today(user)
        yield left if left >= least else _used_up(limit, left, "daily")
    if (limit := allowed.monthly_tokens) is not None:
        left = limit - usage.used_this_month(user)
        yield left if left >= least else _used_up(limit, left, "monthly")


def _used_up(limit: int, left: int, which: str) -> NoReturn:
    until = usage.midnight() if which == "daily" else usage.next_month()
    text = _TOO_FEW[which] if left > 0 else _USED_UP[which]
    numbers = {"limit": limit, "left": left}
    told = {name: number_format(n, force_grouping=True) for name, n in numbers.items()}
    raise LimitError(
        text % told,
        code=f"{which}_tokens_used",
        after=(until - timezone.now()).total_seconds(),
    )


_USED_UP = {
    "daily": _(
        "You have used your %(limit)s tokens of today. Nothing was stored; "
        "ask again tomorrow."
    ),
    "monthly": _(
        "You have used your %(limit)s tokens of this month. Nothing was stored; "
        "ask again next month."
    ),
}
_TOO_FEW = {
    "daily": _(
        "Of your %(limit)s tokens of today %(left)s are left, too few for what you "
        "ask. Nothing was stored; ask for fewer pictures, or again tomorrow."
    ),
    "monthly": _(
        "Of your %(limit)s tokens of this month %(left)s are left, too few for what "
        "you ask. Nothing was stored; ask for fewer pictures, or again next month."
    ),
}


def _within(params: dict[str, Any], left: int) -> dict[str, Any]:
    """An answer gets what is left."""
    most = params.get("max_tokens") or settings.CHAT_MAX_NEW_TOKENS
    return {**params, "max_tokens": left} if left < most else params


def _step(user: Any, rate: Rate) -> Left:
    """Take one request, or say when there will be one. Undone with the transaction."""
    now = NOW[connection.vendor]
    slack = rate.period - rate.interval + min(TICK, rate.interval / 100)
    values = [user.pk, rate.interval, rate.interval, slack]
    for (ahead,) in fetch(STEP.format(now=now), values):
        return Left(rate, int((rate.period - ahead) / rate.interval + 0.01), ahead)
    [(ahead,)] = fetch(AHEAD.format(now=now), [user.pk])
    text = _("You may ask %(rate)s, and have. Nothing was stored; ask again later.")
    raise LimitError(
        text % {"rate": _in_words(rate)},
        code="rate_limited",
        after=ahead - slack,
    )


def _in_words(rate: Rate) -> str:
    words = {
        "s": ngettext("once a second", "%(count)d times a second", rate.count),
        "m": ngettext("once a minute", "%(count)d times a minute", rate.count),
        "h": ngettext("once an hour", "%(count)d times an hour", rate.count),
        "d": ngettext("once a day", "%(count)d times a day", rate.count),
    }
    return words[rate.per] % {"count": rate.count}
