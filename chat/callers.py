"""Who calls: the owner of an API key, or of a session. Synchronous database work.

HTTP requests are identified inside their one thread hop (`chat.api.middleware`),
sockets when they open and again now and then (`chat.consumers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest

from .models import ApiKey

BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated user and, for programs, the key they used."""

    user: User
    key: ApiKey | None


def of_request(request: HttpRequest) -> Caller | None:
    """One indexed lookup for a key, else the session's user."""
    if header := request.headers.get("Authorization", ""):
        return of_header(header)
    user = request.user
    return Caller(user, None) if user.is_authenticated else None


def of_header(header: str) -> Caller | None:
    if not header.lower().startswith(BEARER):
        return None
    key = ApiKey.objects.verify(header[len(BEARER) :].strip())
    return Caller(key.user, key) if key else None


def of_scope(scope: dict[str, Any]) -> Caller | None:
    """A socket's caller as of now: reads the session or the key again."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if header := headers.get(b"authorization", ""):
        return of_header(header)
    request = HttpRequest()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(session_key(headers.get(b"cookie", "")))
    # Checks the session's hash, so that a changed password ends it, and is_active.
    user = get_user(request)
    return Caller(user, None) if user.is_authenticated else None


def session_key(cookie: str) -> str | None:
    try:
        morsel = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return morsel.value if morsel else None
