"""What this site tells allauth about accounts."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .people import named

logger = logging.getLogger(__name__)
UNTOLD = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")
"""One sees it."""
WRONG = _(
    "Please enter a correct username and password. The e-mail address of your account "
    "works in the place of the name."
)
TOO_MANY = _(
    "Too many attempts to sign in. Wait five minutes, then try again, or reset your "
    "password."
)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG,
        "email_password_mismatch": WRONG,
        "too_many_login_attempts": TOO_MANY,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether people may make accounts for themselves, by a password."""
        return bool(settings.CHAT_SIGNUP)

    def get_client_ip(self, request: HttpRequest) -> str:
        """As the server says it, which alone knows its proxies (docs/sign-in.md); where
        it says nothing, behind a Unix socket, everybody is one."""
        address: str = request.META.get("REMOTE_ADDR") or "::"
        return address

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        """Counted by account, whatever it is called and under whatever host name and
        port it is asked for: a `Host` is the client's to choose."""
        name = credentials.get("username") or credentials.get("email") or ""
        users = " ".join(str(user.pk) for user in named(name))
        return f"users {users}" if users else f"name {name.lower()}"

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """A new one may not be somebody's e-mail address."""
        if "@" in username:
            raise ValidationError(_("A username has no @ here."))
        name: str = super().clean_username(username, shallow)
        return name

    def get_login_stages(self) -> list[str]:
        ours = f"{__name__}.{VerificationStage.__name__}"
        usual = "allauth.account.stages.EmailVerificationStage"
        stages: list[str] = super().get_login_stages()
        return [ours if name == usual else name for name in stages]

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if message_template not in UNTOLD:
            super().add_message(request, level, message_template, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: Any) -> None:
        """A mail server that is away is the administrator's to see: what was asked for
        looks the same whether there is such an account or not."""
        if not settings.EMAIL_IS_SET:
            return
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            logger.error("No mail could be sent (%s): %s", template_prefix, error)

    def send_password_reset_mail(self, user: Any, email: str, context: Any) -> None:
        """Of who comes by single sign-on, no mailbox is to make another way in."""
        if user.has_usable_password():
            super().send_password_reset_mail(user, email, context)
        else:
            self.send_mail("account/email/unknown_account", email, context)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/settings/"


class VerificationStage(EmailVerificationStage):
    """Only who signed up by themselves has to confirm an address before they come in;
    accounts that staff made are as they are."""

    def handle(self) -> tuple[Any, bool]:
        if self.login.signup or never_confirmed(self.login.user):
            handled: tuple[Any, bool] = super().handle()
            return handled
        return None, True


def never_confirmed(user: Any) -> bool:
    """They signed up, and left before the mail was there."""
    mine = EmailAddress.objects.filter(user=user, verified=False)
    return user.last_login is None and mine.exists()
