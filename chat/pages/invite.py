"""`/invite/TOKEN/`: whoever has the link makes themselves an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.userkit import filter_users_by_email
from allauth.decorators import rate_limit
from django import forms
from django.conf import settings
from django.contrib.auth import login, password_validation
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ..errors import ConflictError, NotFoundError
from ..models import Invite
from ..people import invites
from ..signin.views import View, counted
from .forms import NoColon


class InviteForm(NoColon, forms.Form):
    username = forms.CharField(
        label=_("Username"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none"}
        ),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        help_text=password_validation.password_validators_help_text_html(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, invite: Invite, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invite = invite
        if invite.email:
            self.initial["email"] = invite.email
            self.fields["email"].widget.attrs["readonly"] = True

    def clean_username(self) -> str:
        name: str = get_adapter().clean_username(self.cleaned_data["username"])
        return name

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        wanted = self.invite.email
        if wanted and email.lower() != wanted.lower():
            raise forms.ValidationError(_("The invitation is for another address."))
        if filter_users_by_email(email):
            raise forms.ValidationError(_("There is an account with this address."))
        return email

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if password := given.get("password"):
            named = {name: given.get(name, "") for name in ("username", "email")}
            try:
                password_validation.validate_password(password, User(**named))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return given


@require_http_methods(["GET", "HEAD", "POST"])
@counted
@cast("Callable[[View], View]", rate_limit(action="signup"))
@never_cache
@sensitive_post_parameters("password")
def invite(request: HttpRequest, token: str) -> HttpResponse:
    """The form, and what it makes. What leads nowhere, for whatever reason, looks the
    same."""
    row = invites.find(token)
    if row is None:
        return closed(request)
    if request.user.is_authenticated:
        return shown(request, "account/invite_twice.html", {})
    posted = request.method == "POST"
    form = InviteForm(row, request.POST) if posted else InviteForm(row)
    if posted and form.is_valid():
        try:
            user = invites.accept(token, **form.cleaned_data)
        except ConflictError as error:
            form.add_error(error.field, str(error.message))
        except NotFoundError:
            return closed(request)
        else:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect("chat")
    # As 400, Django would write the address, and with it the token, to the log.
    return shown(request, "account/invite.html", {"form": form})


def closed(request: HttpRequest) -> HttpResponse:
    return shown(request, "account/invite_closed.html", {}, 404)


def shown(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    response = render(request, template, context, status=status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
