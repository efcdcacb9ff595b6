"""How it goes: answers, latency, tokens, errors, feedback; of a day, week or month."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import Generation, Traffic
from ..models.generation import LIVE, written
from ..reports import overview
from .pages import PageAdmin

WINDOWS = (("24h", _("24 hours")), ("7d", _("7 days")), ("30d", _("30 days")))
USUAL = "24h"


@admin.register(Traffic)
class TrafficAdmin(PageAdmin[Traffic]):
    template = "admin/chat/overview.html"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        asked = request.GET.get("over", USUAL)
        over = asked if asked in overview.WINDOWS else USUAL
        window, now = overview.WINDOWS[over], timezone.now()
        seen = overview.look(window, now)
        return {
            "title": _("Overview"),
            "over": over,
            "windows": WINDOWS,
            "charts": overview.charts(seen, overview.labels(window, now)),
            "latencies": overview.latencies(seen),
            "live": _live(),
        }


def _live() -> dict[str, int]:
    """How many run and wait now, from the index over what is live."""
    rows = Generation.objects.filter(written("status", *LIVE)).order_by()
    return dict(rows.values_list("status").annotate(Count("pk")))
