"""What was used: counted once, in the transaction that ends an answer.

That transaction is fenced, so a takeover, a repeated end or a late owner counts
nothing twice; and the sums are apart from the conversations, so deleting those
takes nothing back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from ..models import Generation, Usage
from ..sql import execute, fetch, places

ADD = """
INSERT INTO chat_usage
    (user_id, day, model, source, requests, prompt_tokens, completion_tokens)
SELECT g.user_id, %s, g.model, c.source,
    COUNT(*), SUM(g.prompt_tokens), SUM(g.completion_tokens)
FROM chat_generation g JOIN chat_conversation c ON c.id = g.conversation_id
WHERE g.id IN ({ids}) GROUP BY g.user_id, g.model, c.source
ORDER BY g.user_id, g.model, c.source
ON CONFLICT (user_id, day, model, source) DO UPDATE SET
    requests = chat_usage.requests + excluded.requests,
    prompt_tokens = chat_usage.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = chat_usage.completion_tokens + excluded.completion_tokens
"""
USED = """
SELECT COALESCE(SUM(prompt_tokens + completion_tokens), 0)
FROM chat_usage WHERE user_id = %s AND day >= %s AND day <= %s
"""


class Used(NamedTuple):
    """One model on one day."""

    day: date
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


def count(ended: Sequence[Generation]) -> None:
    """Add answers that have just ended, by the counts of their rows. Locks the sums,
    in their order, until the transaction ends: so this comes last in it."""
    if ended:
        ids = [row.pk for row in ended]
        day = connection.ops.adapt_datefield_value(today())
        execute(ADD.format(ids=places(len(ids))), [day, *ids])


def used_today(user: Any) -> int:
    """Tokens of prompts and answers that ended today."""
    return _used(user, today())


def used_this_month(user: Any) -> int:
    return _used(user, today().replace(day=1))


def _used(user: Any, since: date) -> int:
    [(tokens,)] = fetch(USED, [user.pk, since.isoformat(), today().isoformat()])
    return int(tokens)


def daily(user: Any, days: int) -> list[Used]:
    """The last `days` days, today the last of them; days without use are left out."""
    since = today() - timedelta(days=days - 1)
    rows = Usage.objects.owned_by(user).filter(day__gte=since)
    sums = (
        rows.order_by("day", "model")
        .values_list("day", "model")
        .annotate(Sum("requests"), Sum("prompt_tokens"), Sum("completion_tokens"))
    )
    return [Used(*row) for row in sums]


def today() -> date:
    """In the site's time zone, whatever the reader's."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def midnight() -> datetime:
    """When the next day begins, there."""
    return _begin_of(today() + timedelta(days=1))


def next_month() -> datetime:
    """When it begins, there."""
    return _begin_of((today().replace(day=1) + timedelta(days=31)).replace(day=1))


def _begin_of(day: date) -> datetime:
    begin = datetime.combine(day, time.min)
    return timezone.make_aware(begin, timezone.get_default_timezone())
