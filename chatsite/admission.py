"""Who is let in: a process with enough to do refuses more, and says when to come.

Requests wait for one of a few threads. Without a bound, a herd (a thousand readers
after a restart, a program that asks in a loop) makes everybody wait for all before
them; with one, those who are in are answered within a moment, and the others are told
503 with `Retry-After` before anything of theirs is looked at or stored. Questions are
refused first: a reader that comes back, and whoever stops an answer, still get in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from chat.api.middleware import dialect_of, request_id
from chat.errors import BusyError
from chat.observe import metrics

SAFE = ("GET", "HEAD", "OPTIONS", "DELETE")
LESS_WORK = ("/stop", "/cancel")
ALWAYS = ("/healthz", "/readyz", "/metrics")
FACTOR = 4
"""So many times as many are let in that ask for nothing new."""
SOONEST_SECONDS, LATEST_SECONDS = 1, 4
"""Not all at the same moment again."""


class Admission:
    """Of this process's loop, which alone looks and counts."""

    def __init__(self) -> None:
        self.inside = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Around a request that waits for a thread or has one."""
        self.inside += 1
        metrics.requests.inc()
        try:
            yield
        finally:
            self.inside -= 1
            metrics.requests.dec()

    def refused(self, request: HttpRequest) -> HttpResponseBase | None:
        """What it is told instead of being let in; None: it may come in."""
        if self.inside < settings.CHAT_MAX_REQUESTS or self._has_room(request):
            return None
        metrics.refused.inc()
        # A page of another site must be able to read what it is told.
        response = cast("HttpResponse", CorsMiddleware(refusal)(request))
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]
        return response

    def _has_room(self, request: HttpRequest) -> bool:
        if request.path_info in ALWAYS:
            return True
        if asks_for_work(request):
            return False
        return self.inside < FACTOR * settings.CHAT_MAX_REQUESTS


def asks_for_work(request: HttpRequest) -> bool:
    return request.method not in SAFE and not request.path_info.endswith(LESS_WORK)


def refusal(request: HttpRequest) -> HttpResponse:
    """In the words of the dialect; for a page, a line of text."""
    language = translation.get_language_from_request(request)
    with translation.override(language):
        error = BusyError(
            _("Too many ask at this moment. Nothing was stored; try again soon."),
            code="overloaded",
            after=random.uniform(SOONEST_SECONDS, LATEST_SECONDS),
        )
        render = dialect_of(request.path_info)
        if render is None:
            headers, text = error.headers, f"{error.message}\n"
            plain = "text/plain; charset=utf-8"
            return HttpResponse(text, content_type=plain, status=503, headers=headers)
        request.id = request_id(request)  # type: ignore[attr-defined]
        response = render(request, error)
        response.headers["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        return response


admission = Admission()
