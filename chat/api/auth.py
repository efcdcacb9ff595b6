"""Who calls: a session with its CSRF token, or `Authorization: Bearer KEY`.

The database work happens in `ApiMiddleware`, inside the request's one thread hop;
what is here only reads its result, so it serves async views as well.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja.utils import check_csrf

from ..errors import ChatError
from ..people.callers import Caller


def authenticate(request: HttpRequest) -> Caller:
    """The caller, or the contract's 401 or 403. Ninja's `auth`."""
    caller: Caller | None = getattr(request, "caller", None)
    if caller is None:
        raise ChatError(
            _("Log in, or send a valid API key."),
            code="unauthenticated",
            status=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    if caller.key is None and check_csrf(request) is not None:
        raise ChatError(
            _("The CSRF token is missing or old. Reload the page."),
            code="csrf_failed",
            status=403,
        )
    return caller


def caller_of(request: HttpRequest) -> User:
    """The user behind an authenticated request."""
    caller: Caller = request.caller  # type: ignore[attr-defined]
    return caller.user


def require(request: HttpRequest, scope: str) -> None:
    """For a call that does more than its route says (`chat.api.scopes`)."""
    caller: Caller = request.caller  # type: ignore[attr-defined]
    caller.require(scope)
