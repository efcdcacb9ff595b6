"""Who used how much, for staff: from the ledger's sums by day, never from messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.contrib.auth.models import Group, User
from django.db.models import F, QuerySet, Sum
from django.utils import formats
from django.utils.translation import gettext as _

from ..limits.usage import Used, today
from ..models import Usage
from ..sql import fetch
from .charts import Chart, Series, ranked, stacked
from .overview import whole

DAYS = 30
MOST = 50
"""Users, and groups, in the tables."""
# First by user, then by group: half the work of joining first.
OF_GROUPS = """
SELECT g.id, g.name, SUM(u.requests), SUM(u.tokens) AS tokens
FROM (
    SELECT user_id, SUM(requests) AS requests,
        SUM(prompt_tokens + completion_tokens) AS tokens
    FROM chat_usage WHERE day >= %s GROUP BY user_id
) u
JOIN auth_user_groups m ON m.user_id = u.user_id JOIN auth_group g ON g.id = m.group_id
GROUP BY g.id, g.name ORDER BY tokens DESC LIMIT %s
"""
TOKENS = Sum(F("prompt_tokens") + F("completion_tokens"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Everybody's, one user's, or that of a group's members."""

    user: User | None = None
    group: Group | None = None

    def rows(self) -> QuerySet[Usage]:
        rows = Usage.objects.order_by()
        if self.user is not None:
            return rows.owned_by(self.user)
        if self.group is not None:
            return rows.filter(user__in=self.group.user_set.values("pk"))
        return rows


class Sums(NamedTuple):
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def shown(self) -> list[str]:
        return [whole(number) for number in (*self, sum(self[1:]))]


class Row(NamedTuple):
    """Of a table: questions, tokens of prompts, of answers, and of both."""

    name: str
    today: list[str]
    month: list[str]


class Share(NamedTuple):
    """What one user, or a group's members, used this month."""

    pk: int
    name: str
    requests: str
    tokens: str


def used(scope: Scope) -> list[Used]:
    """By day and model: of this month, and of the last 30 days."""
    now = today()
    since = min(now.replace(day=1), now - timedelta(days=DAYS - 1))
    sums = (
        scope.rows()
        .filter(day__gte=since)
        .values_list("day", "model")
        .annotate(Sum("requests"), Sum("prompt_tokens"), Sum("completion_tokens"))
    )
    return [Used(*row) for row in sums]


def by_model(rows: Iterable[Used]) -> list[Row]:
    """Of this month, the most used first; all together at the end."""
    now = today()
    rows = [row for row in rows if row.day >= now.replace(day=1)]
    months = {
        name: _sums(row for row in rows if row.model == name) for name in _names(rows)
    }
    found = [
        Row(
            name,
            _sums(row for row in rows if row.model == name and row.day == now).shown(),
            months[name].shown(),
        )
        for name in sorted(months, key=lambda name: -sum(months[name][1:]))
    ]
    this_day = _sums(row for row in rows if row.day == now)
    return [*found, Row(_("All together"), this_day.shown(), _sums(rows).shown())]


def _names(rows: Iterable[Used]) -> set[str]:
    return {row.model for row in rows}


def _sums(rows: Iterable[Used]) -> Sums:
    total = Sums()
    for row in rows:
        total = Sums(*(a + b for a, b in zip(total, row[2:], strict=True)))
    return total


def charts(rows: Iterable[Used]) -> list[Chart]:
    """The last 30 days: prompts and answers; and by model."""
    rows = list(rows)
    now = today()
    days = [now - timedelta(days=back) for back in reversed(range(DAYS))]
    labels = [formats.date_format(day, "m-d") for day in days]
    place = {day: at for at, day in enumerate(days)}
    prompts, answers = [0.0] * DAYS, [0.0] * DAYS
    models: dict[str, list[float]] = {}
    for row in rows:
        if (at := place.get(row.day)) is not None:
            prompts[at] += row.prompt_tokens
            answers[at] += row.completion_tokens
            of_model = models.setdefault(row.model, [0.0] * DAYS)
            of_model[at] += row.prompt_tokens + row.completion_tokens
    said = _("%(prompts)s tokens of prompts and %(answers)s tokens of answers.") % {
        "prompts": whole(sum(prompts)),
        "answers": whole(sum(answers)),
    }
    series = [Series(_("prompts"), prompts, 5), Series(_("answers"), answers, 0)]
    return [
        stacked("days", _("Tokens a day"), labels, series, whole, said),
        stacked(
            *("models", _("Tokens by model"), labels),
            *(ranked(models, _("others")), whole),
        ),
    ]


def users(scope: Scope) -> list[Share]:
    """Those who used most this month."""
    top = _this_month(scope).values_list("user").annotate(Sum("requests"), n=TOKENS)
    found = list(top.order_by("-n")[:MOST])
    names = User.objects.in_bulk([pk for pk, _requests, _tokens in found])
    return [
        Share(pk, names[pk].get_username(), whole(requests), whole(tokens))
        for pk, requests, tokens in found
        if pk in names
    ]


def groups() -> list[Share]:
    """Who is in several groups counts in each."""
    top = fetch(OF_GROUPS, [today().replace(day=1).isoformat(), MOST])
    return [
        Share(pk, name, whole(requests), whole(tokens))
        for pk, name, requests, tokens in top
    ]


def _this_month(scope: Scope) -> QuerySet[Usage]:
    return scope.rows().filter(day__gte=today().replace(day=1))


def named(user: str, group: str) -> Scope | None:
    """A user by their whole name, or a group by its id. None: there is no such one."""
    if user:
        found = User.objects.filter(username=user).first()
        return Scope(user=found) if found else None
    if group:
        fits = group.isascii() and group.isdecimal() and len(group) < 10
        row = Group.objects.filter(pk=int(group)).first() if fits else None
        return Scope(group=row) if row else None
    return Scope()
