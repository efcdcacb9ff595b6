"""API keys: who has which, when they were used; and to revoke them.

Neither the key nor its hash is shown or can be searched for. Keys are made by their
users, or by the command create_api_key.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import ApiKey
from .base import ReadOnlyAdmin, moment, pill
from .filters import RevokedFilter


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    list_display = (
        "prefix",
        "person",
        "name",
        "state",
        "made",
        "used_last",
        "ended",
    )
    list_filter = (RevokedFilter,)
    list_select_related = ("user",)
    search_fields = ("user__username", "name", "prefix")
    search_help_text = _("User name, name of the key, or how it begins.")
    actions = ("revoke_selected",)
    fields = ("prefix", "person", "name", "created", "last_used", "revoked")
    readonly_fields = ("person",)

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        """`?hash__startswith=` would tell it letter by letter."""
        if lookup.split("__")[0] == "hash":
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description=_("user"))
    def person(self, row: ApiKey) -> str:
        return row.user.get_username()

    @admin.display(description=_("state"))
    def state(self, row: ApiKey) -> str:
        if row.revoked:
            return pill("stopped", _now("revoked"))
        return pill("done", _now("valid"))

    @admin.display(description=_("created"))
    def made(self, row: ApiKey) -> str:
        return moment(row.created)

    @admin.display(description=_("last used"), empty_value="")
    def used_last(self, row: ApiKey) -> str | None:
        return moment(row.last_used) if row.last_used else None

    @admin.display(description=_("revoked"), empty_value="")
    def ended(self, row: ApiKey) -> str | None:
        return moment(row.revoked) if row.revoked else None

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: Any) -> None:
        rows = list(queryset.filter(revoked=None))
        for row in rows:
            row.revoke()
            self.log_change(request, row, _now("Revoked."))
        told = ngettext(
            "%(count)d key was revoked. It no longer opens anything.",
            "%(count)d keys were revoked. They no longer open anything.",
            len(rows),
        )
        level = messages.SUCCESS if rows else messages.WARNING
        self.message_user(request, told % {"count": len(rows)}, level)
