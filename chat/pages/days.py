"""Conversations by when something happened there last, in the reader's own days.

`static/chat/sidebar/groups.js` does the same with all that comes later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone
from django.utils.formats import date_format

from ..models import Conversation
from .strings import STRINGS

COOKIE = "timezone"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")


def zone_named(name: str | None) -> tzinfo:
    """The reader's, as their browser said; else the site's."""
    if name and len(name) <= 64 and NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return timezone.get_default_timezone()


def grouped(
    rows: Iterable[Conversation], zone: tzinfo, now: datetime | None = None
) -> list[tuple[str, list[Conversation]]]:
    """With their headings, in the order in which they come."""
    today = (now or timezone.now()).astimezone(zone)

    def heading(row: Conversation) -> str:
        return heading_of(row.pinned, row.updated.astimezone(zone), today)

    return [(label, list(some)) for label, some in groupby(rows, heading)]


def heading_of(pinned: bool, moment: datetime, now: datetime) -> str:
    if pinned:
        return str(STRINGS["groupPinned"])
    days = (now.date() - moment.date()).days
    for most, name in ((0, "Today"), (1, "Yesterday"), (7, "Week"), (30, "Month")):
        if days <= most:
            return str(STRINGS[f"group{name}"])
    return date_format(moment, "YEAR_MONTH_FORMAT")
