"""What the overview of the administration shows: sums of hours, as charts and tables.

Nothing of it is anybody's: no user, no conversation and no word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import formats, timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ..sql import fetch
from . import traffic
from .charts import Chart, Series, lines, ranked, stacked
from .histogram import percentile

SHARES = (0.5, 0.95, 0.99)
DURATIONS = ("queue", "first", "total")
EPOCH = {
    "postgresql": "FLOOR(EXTRACT(EPOCH FROM updated) / 3600)::bigint",
    "sqlite": "(CAST(STRFTIME('%%s', updated) AS INTEGER) / 3600)",
}
RATED = """
SELECT ({hour} - %s) / %s, rating, COUNT(*) FROM chat_feedback
WHERE rating IN (-1, 1) AND updated >= %s AND updated < %s GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Window:
    """So many spans of so many hours each; the last one is not over yet."""

    hours: int
    count: int

    def first(self, now: datetime) -> int:
        return traffic.hour_of(now) + 1 - self.hours * self.count


WINDOWS = {"24h": Window(1, 24), "7d": Window(6, 28), "30d": Window(24, 30)}


@dataclass(slots=True)
class Seen:
    """By kind and name, one number for each span; durations as counts of buckets."""

    count: int
    amounts: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    durations: dict[str, list[Counter[int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.durations = {
            kind: [Counter() for _slot in range(self.count)] for kind in DURATIONS
        }

    def add(self, slot: int, kind: str, name: str, amount: int) -> None:
        if kind in DURATIONS:
            self.durations[kind][slot][int(name)] += amount
            return
        named = self.amounts[kind]
        if name not in named:
            named[name] = [0] * self.count
        named[name][slot] += amount

    def of(self, kind: str, name: str) -> list[float]:
        return self.amounts[kind].get(name, [0] * self.count)

    def total(self, kind: str, *names: str) -> float:
        found = self.amounts[kind]
        return sum(sum(found[name]) for name in names or found if name in found)

    def shares(self, kind: str) -> list[float | None]:
        """The percentiles of the whole window."""
        whole: Counter[int] = Counter()
        for counts in self.durations[kind]:
            whole += counts
        return [percentile(whole, share) for share in SHARES]


def look(window: Window, now: datetime) -> Seen:
    seen, first = Seen(window.count), window.first(now)
    for row in traffic.sums(first, window.hours, window.count):
        seen.add(*row)
    for slot, rating, count in _rated(window, first):
        seen.add(slot, "rating", str(rating), count)
    return seen


def _rated(window: Window, first: int) -> list[tuple[int, int, int]]:
    """From the index over ratings: it has all of this."""
    last = first + window.hours * window.count
    since, until = (
        datetime.fromtimestamp(hour * traffic.HOUR, UTC) for hour in (first, last)
    )
    sql = RATED.format(hour=EPOCH[connection.vendor])
    found = fetch(sql, [first, window.hours, since, until])
    return [(int(slot), int(rating), int(count)) for slot, rating, count in found]


def labels(window: Window, now: datetime) -> list[str]:
    """When each span begins, in the site's time."""
    begins = (
        datetime.fromtimestamp((window.first(now) + at * window.hours) * 3600, UTC)
        for at in range(window.count)
    )
    form = "H:i" if window.hours == 1 else "m-d H:i"
    return [formats.date_format(timezone.localtime(begin), form) for begin in begins]


def charts(seen: Seen, marks: list[str]) -> list[Chart]:
    return [
        _answers(seen, marks),
        _latency(seen, marks),
        _tokens(seen, marks),
        _errors(seen, marks),
        _feedback(seen, marks),
    ]


def _answers(seen: Seen, marks: list[str]) -> Chart:
    ends = (("done", _("done")), ("stopped", _("stopped")), ("failed", _("failed")))
    series = [
        Series(word, seen.of("status", name), colour)
        for colour, (name, word) in zip((0, 4, 3), ends, strict=True)
    ]
    said = _("%(count)s answers ended.") % {"count": whole(seen.total("status"))}
    return stacked("answers", _("Answers"), marks, series, whole, said)


def _latency(seen: Seen, marks: list[str]) -> Chart:
    spans = seen.durations["first"]
    series = [
        Series(f"p{round(share * 100)}", [percentile(c, share) for c in spans], colour)
        for colour, share in enumerate(SHARES)
    ]
    said = _("How long the first token took, of answers that ended then.")
    return lines("latency", _("Time to first token"), marks, series, duration, said)


def _tokens(seen: Seen, marks: list[str]) -> Chart:
    prompts, answers = seen.amounts["prompt"], seen.amounts["completion"]
    together = {
        model: [a + b for a, b in zip(prompts[model], answers[model], strict=True)]
        for model in answers
    }
    said = _("%(prompts)s tokens of prompts and %(answers)s tokens of answers.") % {
        "prompts": whole(seen.total("prompt")),
        "answers": whole(seen.total("completion")),
    }
    series = ranked(together, _("others"))
    return stacked("tokens", _("Tokens by model"), marks, series, whole, said)


def _errors(seen: Seen, marks: list[str]) -> Chart:
    series = ranked(seen.amounts["error"], _("others"))
    said = _("%(count)s answers failed.") % {"count": whole(seen.total("error"))}
    return stacked("errors", _("Errors by code"), marks, series, whole, said)


def _feedback(seen: Seen, marks: list[str]) -> Chart:
    series = [
        Series(_("good"), seen.of("rating", "1"), 2),
        Series(_("bad"), seen.of("rating", "-1"), 3),
    ]
    said = _("%(good)s answers were rated as good, %(bad)s as bad.") % {
        "good": whole(seen.total("rating", "1")),
        "bad": whole(seen.total("rating", "-1")),
    }
    return stacked("feedback", _("Feedback"), marks, series, whole, said)


def latencies(seen: Seen) -> list[tuple[str, list[str]]]:
    """What is measured, and its percentiles in the whole window."""
    named: Mapping[str, Any] = {
        "queue": _("until it began"),
        "first": _("until the first token"),
        "total": _("until the end"),
    }
    return [
        (word, [duration(ms) if ms else "–" for ms in seen.shares(kind)])
        for kind, word in named.items()
    ]


def whole(number: float) -> str:
    return number_format(round(number), force_grouping=True)


def duration(ms: float) -> str:
    """Three digits at most."""
    if ms < 1000:
        return _("%(count)s ms") % {"count": number_format(round(ms))}
    seconds = ms / 1000
    digits = 2 if seconds < 10 else 1 if seconds < 100 else 0
    count = number_format(seconds, decimal_pos=digits, force_grouping=True)
    return _("%(count)s s") % {"count": count}
