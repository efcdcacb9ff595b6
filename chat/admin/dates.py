"""A date hierarchy that asks for the first and the last row, not for all dates.

Django's own runs DISTINCT over the whole table. The price: a month without rows
between months with rows is offered too.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

PARTS = ("year", "month", "day")
Chosen = tuple[int, ...]
"""As far as is chosen: (), (2026,), (2026, 11) or (2026, 11, 20)."""


def links(changes: ChangeList) -> dict[str, Any]:
    """What admin/date_hierarchy.html shows."""
    field = str(changes.date_hierarchy)
    bounds = _bounds(changes, field)
    if bounds is None:
        return {"show": False}
    chosen = _chosen(changes, field)
    choices = [_link(changes, field, child) for child in _children(chosen, *bounds)]
    return {
        "show": True,
        "back": _link(changes, field, chosen[:-1]) if chosen else None,
        "choices": [{"title": _title(chosen)}] if len(chosen) == 3 else choices,
    }


def _bounds(changes: ChangeList, field: str) -> tuple[Chosen, Chosen] | None:
    rows = changes.root_queryset.values_list(field, flat=True)
    first, last = rows.order_by(field).first(), rows.order_by(f"-{field}").first()
    return None if first is None or last is None else (_local(first), _local(last))


def _local(moment: datetime) -> Chosen:
    here = timezone.localtime(moment)
    return here.year, here.month, here.day


def _chosen(changes: ChangeList, field: str) -> Chosen:
    """The change list has checked the values: they make a date."""
    chosen: Chosen = ()
    for part in PARTS:
        value = changes.params.get(f"{field}__{part}")
        if value is None:
            break
        chosen += (int(value),)
    return chosen


def _children(chosen: Chosen, first: Chosen, last: Chosen) -> Iterator[Chosen]:
    if not chosen:
        parts = range(first[0], last[0] + 1)
    elif len(chosen) == 1:
        parts = range(1, 13)
    else:
        parts = range(1, monthrange(chosen[0], chosen[1])[1] + 1)
    size = len(chosen) + 1
    for part in parts:
        if first[:size] <= (*chosen, part) <= last[:size]:
            yield (*chosen, part)


def _link(changes: ChangeList, field: str, chosen: Chosen) -> dict[str, str]:
    named = dict(zip(PARTS, chosen, strict=False))
    params = {f"{field}__{part}": value for part, value in named.items()}
    return {
        "link": changes.get_query_string(params, [f"{field}__"]),
        "title": _title(chosen),
    }


def _title(chosen: Chosen) -> str:
    if not chosen:
        return _("All dates")
    if len(chosen) == 1:
        return str(chosen[0])
    form = "YEAR_MONTH_FORMAT" if len(chosen) == 2 else "MONTH_DAY_FORMAT"
    day = date(chosen[0], chosen[1], chosen[2] if len(chosen) == 3 else 1)
    return capfirst(formats.date_format(day, form))
