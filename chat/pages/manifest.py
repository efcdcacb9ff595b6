"""The web manifest: the chat as an app of its own on a phone or a desktop."""

from __future__ import annotations

from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, JsonResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie, vary_on_headers

ICONS = (
    ("chat/icon.svg", "any", "image/svg+xml", "any"),
    ("chat/icons/icon-192.png", "192x192", "image/png", "any"),
    ("chat/icons/icon-512.png", "512x512", "image/png", "any"),
    ("chat/icons/icon-maskable.png", "512x512", "image/png", "maskable"),
)


@require_safe
@vary_on_cookie
@vary_on_headers("Accept-Language")
def manifest(request: HttpRequest) -> JsonResponse:
    """W3C Web Application Manifest, in the reader's language."""
    icons = [
        {
            "src": staticfiles_storage.url(path),
            "sizes": sizes,
            "type": kind,
            "purpose": purpose,
        }
        for path, sizes, kind, purpose in ICONS
    ]
    about = {
        "id": "/",
        "name": "Chatsite",
        "short_name": "Chatsite",
        "description": _("Chat with a language model; no reply is lost."),
        "lang": get_language(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#3257d6",
        "icons": icons,
    }
    return JsonResponse(about, content_type="application/manifest+json")
