"""Of allauth's addresses, those that are used here; all others are not there."""

from __future__ import annotations

from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as second
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.generic.base import RedirectView

from ..people import preferences
from . import sso, views


class Base36(StringConverter):
    regex = "[0-9A-Za-z]+"


register_converter(Base36, "base36")


def at(route: str, view: Any, name: str) -> URLPattern:
    return path(route, views.counted(view), name=name)


def own(route: str, view: Any, name: str) -> URLPattern:
    """Of somebody who is signed in: in their language and theme."""
    return at(route, preferences.personal(view), name)


# Switched on and off in the settings.
two_factor_page = RedirectView.as_view(url="/settings/#sign-in")

urlpatterns = [
    at("login/", account.login, name="account_login"),
    at("logout/", require_POST(account.logout), name="account_logout"),
    at("sso/login/", sso.login, name="sso-login"),
    at("sso/login/callback/", sso.callback, name="sso-callback"),
    at("2fa/", two_factor_page, name="mfa_index"),
    at("2fa/authenticate/", never_cache(second.authenticate), name="mfa_authenticate"),
    own("2fa/reauthenticate/", second.reauthenticate, name="mfa_reauthenticate"),
    own("2fa/totp/activate/", totp.activate_totp, name="mfa_activate_totp"),
    own("2fa/totp/deactivate/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    own(
        "2fa/recovery-codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"
    ),
    own(
        "2fa/recovery-codes/generate/",
        codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    own(
        "2fa/recovery-codes/download/",
        codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    at("inactive/", account.account_inactive, name="account_inactive"),
    at("signup/", account.signup, name="account_signup"),
    own("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    at("email/", views.addresses, name="account_email"),
    at(
        "confirm-email/",
        account.email_verification_sent,
        name="account_email_verification_sent",
    ),
    at("confirm-email/<str:key>/", account.confirm_email, name="account_confirm_email"),
    at("password/change/", views.change_password, name="account_change_password"),
    at("password/reset/", views.reset_password, name="account_reset_password"),
    at(
        "password/reset/done/",
        account.password_reset_done,
        name="account_reset_password_done",
    ),
    at(
        "password/reset/key/<base36:uidb36>-<str:key>/",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    at(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
