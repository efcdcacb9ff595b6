"""Usage: today, this month, by model; of everybody, one user, or a group."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Usage
from ..reports import used
from .pages import PageAdmin


@admin.register(Usage)
class UsageAdmin(PageAdmin[Usage]):
    template = "admin/chat/used.html"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        asked = request.GET.get("user", "").strip()
        scope = used.named(asked, request.GET.get("group", ""))
        missing, scope = scope is None, scope or used.Scope()
        rows = used.used(scope)
        return {
            "title": _("Usage"),
            "scope": scope,
            "asked": asked,
            "missing": missing,
            "models": used.by_model(rows),
            "charts": used.charts(rows),
            "users": [] if scope.user else used.users(scope),
            "groups": [] if scope.user or scope.group else used.groups(),
        }
