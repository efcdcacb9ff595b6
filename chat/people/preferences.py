"""How a user wants the pages to be: read, changed, and put to work.

The row counts. Two cookies carry language and theme to where nobody is signed in or
no row should be read: the sign-in page, shared pages, the API's errors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie

from ..models import Preferences

THEME_COOKIE = "theme"
View = Callable[..., HttpResponse]


def of(user: Any) -> Preferences:
    """The user's own, or the defaults."""
    return Preferences.objects.filter(pk=user.pk).first() or Preferences(pk=user.pk)


def change(user: Any, **values: Any) -> Preferences:
    """Validated values; the others stay."""
    row, _made = Preferences.objects.update_or_create(pk=user.pk, defaults=values)
    return row


def for_page(wanted: Preferences) -> dict[str, Any]:
    """What the page's scripts are told."""
    return {
        "theme": wanted.theme,
        "typewriter": wanted.typewriter,
        "typewriterSpeed": wanted.typewriter_speed,
        "remoteImages": wanted.remote_images,
    }


def personal(view: View) -> View:
    """A page of somebody signed in, in their language and theme."""

    @never_cache
    @ensure_csrf_cookie
    @login_required
    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = request.preferences = of(request.user)  # type: ignore[attr-defined]
        if wanted.language:
            translation.activate(wanted.language)
        response = view(request, *args, **kwargs)
        remember(request, response)
        return response

    return shown


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Bring the cookies in line with what the user wants."""
    wanted: Preferences = request.preferences  # type: ignore[attr-defined]
    for name, value in (
        (settings.LANGUAGE_COOKIE_NAME, wanted.language),
        (THEME_COOKIE, wanted.theme),
    ):
        if value and value != request.COOKIES.get(name):
            response.set_cookie(
                name,
                value,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.SECURE_COOKIES,
                samesite="Lax",
            )


def theme(request: HttpRequest) -> dict[str, str]:
    """For every template: the context processor."""
    wanted: Preferences | None = getattr(request, "preferences", None)
    name = wanted.theme if wanted else request.COOKIES.get(THEME_COOKIE, "")
    return {"theme": name if name in Preferences.Theme.values else "system"}
