"""Who may come in by single sign-on, as whom, and into which groups."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from requests import RequestException

from ..database import write
from . import oidc

logger = logging.getLogger(__name__)


def refusal(request: HttpRequest, reason: str, status: int = 403) -> HttpResponse:
    """The page for one of the reasons that account/sso_refused.html knows."""
    context = {"reason": reason, "provider": settings.OIDC_NAME}
    return render(request, "account/sso_refused.html", context, status=status)


class SocialAdapter(DefaultSocialAccountAdapter):
    def list_apps(
        self, request: HttpRequest, provider: Any = None, client_id: Any = None
    ) -> list[SocialApp]:
        """Of the environment; none of the database."""
        app = oidc.app()
        known = app and provider in (None, app.provider, app.provider_id)
        return [app] if app and known else []

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return bool(settings.OIDC_SIGNUP)

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return bool(settings.OIDC_LINK_BY_EMAIL)

    def authenticate_by_email(self, sociallogin: Any) -> tuple[User, str] | None:
        """Whose address it is for certain: they have confirmed it, or staff gave it to
        them. An account that somebody made under this address is not theirs."""
        found = super().authenticate_by_email(sociallogin)
        if found is None:
            return None
        user, email = found
        mine = EmailAddress.objects.filter(user=user)
        row, _made = mine.get_or_create(
            user=user,
            email=email.lower(),
            defaults={"verified": True, "primary": not mine.exists()},
        )
        return (user, email) if row.verified else None

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """ImmediateHttpResponse: this one may not come in."""
        if reason := why_not(sociallogin):
            logger.warning("Single sign-on was refused: %s.", reason)
            raise ImmediateHttpResponse(refusal(request, reason))
        if sociallogin.is_existing:
            bring_in_line(sociallogin.user, sociallogin.claims)

    def save_user(
        self, request: HttpRequest, sociallogin: Any, form: Any = None
    ) -> User:
        with write():
            user: User = super().save_user(request, sociallogin, form)
            bring_in_line(user, sociallogin.claims)
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        if error == "cancelled":
            raise ImmediateHttpResponse(refusal(request, "cancelled"))
        away = isinstance(exception, RequestException)
        known = away or exception is None or isinstance(exception, OAuth2Error)
        logger.warning(
            "Single sign-on failed (%s): %.200s",
            error,
            exception,
            exc_info=None if known else exception,
        )
        reason, status = ("away", 502) if away else ("failed", 400)
        raise ImmediateHttpResponse(refusal(request, reason, status))


def why_not(login: Any) -> str:
    """The reason to refuse somebody whom the provider knows; empty: there is none."""
    address = login.email_addresses[0].email if login.email_addresses else ""
    domains = [name.casefold() for name in settings.OIDC_ALLOWED_DOMAINS]
    if domains and address.rpartition("@")[2].casefold() not in domains:
        return "domain"
    if login.is_existing:
        return ""
    if address and filter_users_by_email(address):
        return "taken"
    return "" if settings.OIDC_SIGNUP else "closed"


def bring_in_line(user: Any, claims: oidc.Claims) -> None:
    """Into the groups that the claim names, and out of others it could have named."""
    mapped: dict[str, str] = settings.OIDC_GROUPS
    said = claims.get(settings.OIDC_GROUPS_CLAIM) or []
    names = [said] if isinstance(said, str) else said
    wanted = {mapped[name] for name in names if name in mapped}
    others: QuerySet[Group] = Group.objects.filter(name__in=mapped.values())
    user.groups.remove(*others.exclude(name__in=wanted))
    user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in wanted))
