"""What a stranger sees who has the link of a share: a page that only shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..pictures.serving import served
from ..sharing import find, find_picture
from . import pictures
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
        "messages": [_shown(message, token) for message in row.content],
        "page_data": {
            "mathStyles": staticfiles_storage.url("vendor/katex/katex.min.css"),
            "strings": page_strings(),
        },
    }
    response = render(request, "share/page.html", context)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


@require_safe
def picture(
    request: HttpRequest, token: str, picture: UUID, *, thumbnail: bool = False
) -> HttpResponseBase:
    """One of the copy's, for as long as the link leads somewhere."""
    row = find_picture(token, picture)
    if row is None:
        raise Http404
    # Kept by no browser for longer than the link is there to see.
    response = served(row, thumbnail=thumbnail, cache="private, no-cache")
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _shown(message: dict[str, Any], token: str) -> dict[str, Any]:
    images = [
        image | _addresses(token, image["id"]) for image in message.get("images", ())
    ]
    created = datetime.fromisoformat(message["created"])
    return message | {"created": created, "images": pictures.shown(images)}


def _addresses(token: str, picture: str) -> dict[str, str]:
    names = {"url": "share-picture", "thumbnail": "share-thumbnail"}
    return {key: reverse(name, args=[token, picture]) for key, name in names.items()}
