"""`/image/`: one image of another site, for the frame in which an answer shows it.

Such a site learns who reads, and when, so a reader is asked first. The pages' own
policy allows no foreign image; this page's allows those of one site and nothing else,
no script either. It is a sandbox without an origin: what is shown can be nobody's
page. The browser asks for the image, never this server, and says neither where it
stands nor, where the browser knows how, who asks (no referrer, no cookies).
"""

from __future__ import annotations

import re

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..people import preferences

# As static/chat/images.js has it: a site with a name, no user, no port; no address of
# a machine in the reader's own network.
ADDRESS = re.compile(r"https://((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?:[/?#][!-~]*)?")
MAX_ADDRESS = 2000
MAX_ALT = 300
POLICY = (
    "default-src 'none'; img-src https://{host}; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox"
)
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Embedder-Policy": "credentialless",
    "X-Frame-Options": "SAMEORIGIN",
}


@preferences.personal
@require_safe
def image(request: HttpRequest) -> HttpResponse:
    """`?src=` its address, `?alt=` what it shows. 403: opened as anything but a frame
    of an own page. 400: an address that is not shown."""
    if not _is_framed(request):
        raise PermissionDenied
    src, alt = request.GET.get("src", ""), request.GET.get("alt", "")
    found = ADDRESS.fullmatch(src) if len(src) <= MAX_ADDRESS else None
    if found is None:
        return HttpResponseBadRequest(_("src: no https address of a named site."))
    response = render(request, "image.html", {"src": src, "alt": alt[:MAX_ALT]})
    response.headers["Content-Security-Policy"] = POLICY.format(host=found[1])
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _is_framed(request: HttpRequest) -> bool:
    """Browsers tell it to whoever they trust; over plain HTTP they do not."""
    kind = request.headers.get("Sec-Fetch-Dest", "iframe")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return (kind, site) == ("iframe", "same-origin")
