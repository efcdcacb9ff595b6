"""To the provider, and back from it.

These views ask the provider by HTTP, in their request's thread: never the event loop's.
At most `AT_ONCE` threads do so, whatever the provider does, and the others are there
for everybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import BoundedSemaphore
from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from requests import RequestException

from . import oidc
from .social import refusal

AT_ONCE = 4
"""Half of `chatsite.handler.THREADS`."""
_asking = BoundedSemaphore(AT_ONCE)
View = Callable[[HttpRequest, oidc.Adapter], HttpResponse]


def asking(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Of a configured provider, in a thread that may wait for it."""

    @never_cache
    @wraps(view)
    def asked(request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        if not _asking.acquire(blocking=False):
            return refusal(request, "away", 503)
        try:
            return explained(request, view)
        finally:
            _asking.release()

    return asked


def explained(request: HttpRequest, view: View) -> HttpResponse:
    """With a page for each way in which it fails."""
    adapter = oidc.Adapter(request, settings.OIDC_ISSUER)
    try:
        return view(request, adapter)
    except ImmediateHttpResponse as refused:
        return refused.response  # type: ignore[no-any-return]
    except (RequestException, OAuth2Error, KeyError, TypeError, ValueError) as error:
        failed: HttpResponse = render_authentication_error(
            request, adapter.get_provider(), exception=error
        )
        return failed
    except IntegrityError:  # the same person came in twice at once, for the first time
        return refusal(request, "failed", 409)


@require_http_methods(["GET", "HEAD", "POST"])
@asking
def login(request: HttpRequest, adapter: oidc.Adapter) -> HttpResponse:
    """By way of a page that leads there: a form may not be redirected to another site,
    by this one's content security policy."""
    if request.method != "POST":
        return redirect("account_login")
    if refused := ratelimit.consume_or_429(
        request, app="allauth.account", action="login"
    ):
        return refused  # type: ignore[no-any-return]
    there = adapter.get_provider().redirect(
        request, "login", get_next_redirect_url(request)
    )
    context = {"url": there["Location"], "provider": settings.OIDC_NAME}
    return render(request, "account/sso_leave.html", context)


@require_safe
@asking
def callback(request: HttpRequest, adapter: oidc.Adapter) -> HttpResponse:
    # RFC 9207: whose answer it is, where the provider says so.
    if request.GET.get("iss", settings.OIDC_ISSUER).rstrip("/") != settings.OIDC_ISSUER:
        raise OAuth2Error("the answer is of another issuer")
    view = Callback()
    view.request, view.adapter = request, adapter
    response: HttpResponse = view.dispatch(request)
    return response


class Callback(OAuth2CallbackView):
    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, refused = super()._get_state(request, provider)
        if state:
            self.adapter.nonce = state["nonce"]
        return state, refused
