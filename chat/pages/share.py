"""What a stranger sees who has the link of a share: a page that only shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..sharing import find
from .strings import page_strings

POLICY = {"connect-src": [NONE], "form-action": [NONE], "img-src": [SELF]}
"""Stricter than the site's: nothing is asked for or sent from there."""
HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


@require_safe
@never_cache
@csp_replace(POLICY)  # type: ignore[arg-type]  # it knows no arguments of views
def share(request: HttpRequest, token: str) -> HttpResponse:
    """The frozen copy, as text that can be read without scripts. No cookie is set,
    and nothing on it tells whose it is."""
    row = find(token)
    if row is None:
        raise Http404
    context = {
        "share": row,
        "messages": [_shown(message) for message in row.content],
        "page_data": {
            "mathStyles": staticfiles_storage.url("vendor/katex/katex.min.css"),
            "strings": page_strings(),
        },
    }
    response = render(request, "share/page.html", context)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"created": datetime.fromisoformat(message["created"])}
