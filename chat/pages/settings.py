"""`/settings/`: language, theme, reading, API keys, usage, and the way out.

Everything on it works by plain forms; its scripts only save a click or two.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from ..limits import usage
from ..limits.quotas import quotas
from ..models import ApiKey, Conversation
from ..people import keys, preferences
from ..reports.usage_plot import DAYS, plot
from ..signin import two_factor
from ..signin.views import limited
from .forms import KeyForm, LeaveForm, PreferencesForm
from .strings import page_strings


def page_data() -> dict[str, Any]:
    """What static/chat/settings/page.js starts from."""
    return {
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "loginUrl": settings.LOGIN_URL,
        "strings": page_strings(),
    }


def show(request: HttpRequest, **more: Any) -> HttpResponse:
    """The page; `more` has the forms with what is wrong, or the new key."""
    wrong = any(value.errors for value in more.values() if hasattr(value, "errors"))
    wanted = request.preferences  # type: ignore[attr-defined]
    allowed = quotas.of(request.user)
    context = {
        "page_data": page_data(),
        "form": PreferencesForm(instance=wanted),
        "key_form": KeyForm(),
        "keys": ApiKey.objects.owned_by(request.user).filter(revoked=None),
        "used_today": usage.used_today(request.user),
        "daily_tokens": allowed.daily_tokens,
        "monthly_tokens": allowed.monthly_tokens,
        "used_this_month": usage.used_this_month(request.user),
        "two_factor": two_factor.is_on(request.user),
        "plot": plot(usage.daily(request.user, DAYS), usage.today()),
        **more,
    }
    status = 400 if wrong else 200
    return render(request, "settings/page.html", context, status=status)


@preferences.personal
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show them, or change how the pages look and read."""
    if request.method != "POST":
        return show(request)
    form = PreferencesForm(request.POST, instance=preferences.of(request.user))
    if not form.is_valid():
        return show(request, form=form)
    row = preferences.change(request.user, **form.cleaned_data)
    request.preferences = row  # type: ignore[attr-defined]
    with translation.override(row.language):
        messages.success(request, _("Saved."))
    return redirect("settings")


@preferences.personal
@require_POST
def create_key(request: HttpRequest) -> HttpResponse:
    """Make a key and show it, in this answer only."""
    form = KeyForm(request.POST)
    issued = form.issue(request.user)
    if issued is None:
        return show(request, key_form=form)
    row, key = issued
    return show(request, new_key=key, new_row=row)


@preferences.personal
@require_POST
def revoke_key(request: HttpRequest, key: int) -> HttpResponse:
    row = get_object_or_404(ApiKey.objects.owned_by(request.user), pk=key)
    keys.revoke(row)
    messages.success(request, _("The key was revoked. It opens nothing any more."))
    return redirect("settings")


@preferences.personal
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: HttpRequest) -> HttpResponse:
    """What will go; and with the password, it goes."""
    user: Any = request.user
    posted = request.method == "POST"
    form = LeaveForm(user, request.POST) if posted else LeaveForm(user)
    if posted and form.leave():
        logout(request)
        page = reverse("goodbye")
        return redirect(f"{page}?kept=1" if form.kept else page)
    context = {
        "form": form,
        "conversations": Conversation.objects.owned_by(user).count(),
        "keys": ApiKey.objects.owned_by(user).filter(revoked=None).count(),
    }
    status = 400 if posted else 200
    return render(request, "settings/delete-account.html", context, status=status)


@never_cache
@require_safe
def goodbye(request: HttpRequest) -> HttpResponse:
    """For nobody any more. The browser forgets the drafts it kept for this site."""
    context = {"kept": "kept" in request.GET}
    response = render(request, "settings/goodbye.html", context)
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own, which sets the cookie; of somebody signed in it is kept."""
    response: HttpResponse = i18n.set_language(request)
    chosen = request.POST.get("language", "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        preferences.change(request.user, language=chosen)
    return response
