"""What allauth's views need around them here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from redis.exceptions import RedisError

from ..people import preferences

logger = logging.getLogger(__name__)
View = Callable[..., HttpResponse]


def offers(request: HttpRequest) -> dict[str, Any]:
    """For every template: the ways in that there are."""
    return {
        "signup_open": settings.CHAT_SIGNUP,
        "mail_is_set": settings.EMAIL_IS_SET,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
    }


def counted(view: View) -> View:
    """Attempts are counted, or there are none: without Redis nobody comes in, where
    there is one."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except RedisError as error:
            logger.error("Attempts to sign in cannot be counted: %s", error)
            return render(request, "account/unavailable.html", status=503)

    return shown


def limited(view: View) -> View:
    """One that asks for the password of who is signed in: as often as others do."""
    at_times: View = rate_limit(action="reauthenticate")(view)
    return counted(at_times)


def admin_login(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """The site's own sign-in in the place of the admin's, which knows neither limits
    nor a second factor. Who is signed in and no staff may be somebody else there."""
    inside = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(inside, allowed_hosts=None):
        inside = "/admin/"
    if admin.site.has_permission(request):
        return redirect(inside)
    return redirect_to_login(inside)


def admin_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """The same for changing one's password."""
    return redirect("account_change_password")


def reset_password(request: HttpRequest) -> HttpResponse:
    """By e-mail, or through whoever runs the site."""
    if not settings.EMAIL_IS_SET:
        return render(request, "account/password_reset_by_hand.html")
    response: HttpResponse = views.password_reset(request)
    return response


@preferences.personal
def change_password(request: HttpRequest) -> HttpResponse:
    """Of who has one: others come by single sign-on, and stay with that."""
    user: Any = request.user
    if not user.has_usable_password():
        raise Http404
    response: HttpResponse = views.password_change(request)
    return response


@preferences.personal
def addresses(request: HttpRequest) -> HttpResponse:
    """E-mail addresses, where mails that confirm them can be sent."""
    if not settings.EMAIL_IS_SET:
        raise Http404
    response: HttpResponse = views.email(request)
    return response
