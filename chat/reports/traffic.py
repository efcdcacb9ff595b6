"""How much was asked, how fast and how well it went, hour by hour: a chore.

Each answer is counted once, some time after it ended: a process that moves the mark on,
from where it saw it, counts what lies between, in the same transaction. One that finds
the mark moved by another has counted nothing. So nothing is read twice, and pages read
a few thousand sums however many answers there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from ..database import write
from ..models import Generation, Traffic, TrafficMark
from ..sql import execute_many, fetch
from .histogram import bucket

HOUR = 3600
LAG = timedelta(seconds=20)
"""An answer that says it ended before then is in the database, whichever host's clock
said so."""
AT_ONCE = 1000
KEPT_DAYS = 40
ONLY = 1
"""The key of the mark."""
ADD = """
INSERT INTO chat_traffic (hour, kind, name, amount) VALUES (%s, %s, %s, %s)
ON CONFLICT (hour, kind, name) DO UPDATE
SET amount = chat_traffic.amount + excluded.amount
"""
SUMS = """
SELECT (hour - %s) / %s, kind, name, SUM(amount) FROM chat_traffic
WHERE hour >= %s AND hour < %s GROUP BY 1, 2, 3
"""
Key = tuple[int, str, str]
"""The hour, the kind and the name."""


class Ended(NamedTuple):
    """What is read of an answer."""

    finished: datetime
    created: datetime
    started: datetime | None
    first_token: datetime | None
    status: str
    model: str
    error_code: str
    prompt_tokens: int
    completion_tokens: int


def count_some() -> bool:
    """Whether there may be more to count."""
    now = timezone.now()
    begin = now - timedelta(days=KEPT_DAYS)
    mark, _made = TrafficMark.objects.get_or_create(pk=ONLY, defaults={"until": begin})
    rows = Generation.objects.filter(finished__gt=mark.until, finished__lte=now - LAG)
    rows = rows.order_by("finished")
    times = list(rows.values_list("finished", flat=True)[:AT_ONCE])
    if not times:
        return False
    # All of the last moment, however many those are.
    some = rows.filter(finished__lte=times[-1]).values_list(*Ended._fields)
    counted = tally(map(Ended._make, some))
    with write():
        here = TrafficMark.objects.filter(pk=ONLY, until=mark.until)
        if here.update(until=times[-1]):
            execute_many(ADD, [(*key, counted[key]) for key in sorted(counted)])
            Traffic.objects.filter(hour__lt=hour_of(begin)).delete()
    return len(times) == AT_ONCE


def tally(ended: Iterable[Ended]) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for row in ended:
        hour = hour_of(row.finished)
        counts[hour, "status", row.status] += 1
        counts[hour, "prompt", row.model] += row.prompt_tokens
        counts[hour, "completion", row.model] += row.completion_tokens
        if row.status == "failed":
            counts[hour, "error", row.error_code] += 1
        for kind, moment in (
            ("queue", row.started),
            ("first", row.first_token),
            ("total", row.finished),
        ):
            if moment is not None:
                ms = (moment - row.created).total_seconds() * 1000
                counts[hour, kind, str(bucket(ms))] += 1
    return counts


def hour_of(moment: datetime) -> int:
    return int(moment.timestamp()) // HOUR


def sums(first: int, hours: int, count: int) -> list[tuple[int, str, str, int]]:
    """Of `count` spans of so many hours each, from this hour on: the span's number,
    kind, name, and how much."""
    values = [first, hours, first, first + hours * count]
    return [
        (slot, kind, name, int(amount))
        for slot, kind, name, amount in fetch(SUMS, values)
    ]
