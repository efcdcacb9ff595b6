"""`/metrics`: the numbers of `chat.observe.metrics`, and what is so at this moment.

Open to whoever has the token, or without one to this machine alone: they tell how much
a team asks, and which models it has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from ..limits import fair
from ..sql import fetch
from . import probes
from .metrics import FOLDER

LIVE = f"SELECT status, COUNT(*) FROM chat_generation WHERE {fair.LIVE} GROUP BY status"
LOOPBACK = ("127.0.0.1", "::1")
PASSED_ON = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via")
"""What a proxy on this machine says of the real caller."""


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        return HttpResponse(
            "Send the token of CHAT_METRICS_TOKEN as a bearer, or ask from the machine "
            "itself where none is set.\n",
            status=403,
            content_type="text/plain",
        )
    return HttpResponse(page(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    if token := settings.CHAT_METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(), f"Bearer {token}".encode())
    passed_on = any(name in request.headers for name in PASSED_ON)
    return not passed_on and request.META.get("REMOTE_ADDR") in LOOPBACK


class States(Collector):
    """What is so at this moment."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        live = GaugeMetricFamily(
            "chatsite_live_generations",
            "Answers that wait or are being written, in all processes.",
            labels=["status"],
        )
        for status, count in self.counts().items():
            live.add_metric([status], count)
        yield live
        up = GaugeMetricFamily(
            "chatsite_up",
            "1 where this process can use it.",
            labels=["part"],
        )
        for part, problem in probes.problems().items():
            up.add_metric([part], problem is None)
        yield up

    def counts(self) -> dict[str, int]:
        """None while the database is away: `chatsite_up` says so."""
        with suppress(DatabaseError):
            return {"queued": 0, "running": 0} | dict(fetch(LIVE))
        return {}


def page() -> bytes:
    """All of it, in Prometheus' text format."""
    shared = CollectorRegistry()
    shared.register(States())
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY) + generate_latest(shared)
    forget_the_dead()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def forget_the_dead() -> None:
    """What killed processes had open is no more. The folder is one machine's."""
    for file in Path(os.environ[FOLDER]).glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        with suppress(PermissionError):  # it lives, as somebody else
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
