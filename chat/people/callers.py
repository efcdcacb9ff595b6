"""Who calls: the owner of an API key, or of a session. Synchronous database work.

HTTP requests are identified inside their one thread hop (`chat.api.middleware`),
sockets when they open and again now and then (`chat.consumers`). A session may do
everything its user may; a key, what its scopes say.
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
from django.utils.translation import gettext as _

from ..errors import ChatError
from ..models import ApiKey

BEARER = "bearer "
SESSION = "session"
"""In the place of a scope: what no key may do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated user and, for programs, the key they used."""

    user: User
    key: ApiKey | None

    def may(self, scope: str) -> bool:
        """`chat`, `read` or `SESSION`."""
        return self.key is None or self.key.may(scope)

    def require(self, scope: str) -> None:
        """ChatError: the key may not do what needs this scope."""
        if not self.may(scope):
            raise lacking(scope)


def lacking(scope: str) -> ChatError:
    if scope == SESSION:
        return ChatError(
            _("An API key may not do this. Sign in on the site and do it there."),
            code="session_required",
            status=403,
        )
    text = _("This API key lacks the scope “%(scope)s”. Make one that has it.")
    return ChatError(
        text % {"scope": scope},
        code="scope_missing",
        status=403,
        headers={
            "WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'
        },
    )


def refused(code: str, message: str) -> ChatError:
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return ChatError(message, code=code, status=401, headers=headers)


def of_request(request: HttpRequest) -> Caller | None:
    """One indexed lookup for a key, else the session's user.

    ChatError (401): there is a key, but it opens nothing.
    """
    if header := request.headers.get("Authorization", ""):
        return of_header(header)
    user = request.user
    return Caller(user, None) if user.is_authenticated else None


def of_header(header: str) -> Caller:
    bearer, given = header[: len(BEARER)].lower(), header[len(BEARER) :].strip()
    key = ApiKey.objects.find_key(given) if bearer == BEARER and given else None
    if key is None:
        text = _(
            "There is no such API key, or it was revoked. Make one in the settings."
        )
        raise refused("invalid_api_key", text)
    if key.is_expired:
        text = _("This API key has expired. Make another one in the settings.")
        raise refused("key_expired", text)
    key.note_use()
    return Caller(key.user, key)


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
