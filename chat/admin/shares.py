"""Shared links: who shows what to the world; and to revoke them.

The copy is not shown here: reading conversations is a permission of its own. Nor is
the link.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import sharing
from ..models import Share
from .base import DependentAdmin, moment, pill
from .filters import RevokedFilter


@admin.register(Share)
class ShareAdmin(DependentAdmin[Share]):
    list_display = ("person", "state", "messages", "made", "copied", "ended")
    list_filter = (RevokedFilter,)
    list_select_related = ("owner",)
    search_fields = ("owner__username",)
    search_help_text = _("User name.")
    actions = ("revoke_selected",)
    fields = ("person", "messages", "reasoning", "created", "updated", "revoked")
    readonly_fields = ("person",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content", "token", "title")

    @admin.display(description=_("owner"))
    def person(self, row: Share) -> str:
        return row.owner.get_username()

    @admin.display(description=_("state"))
    def state(self, row: Share) -> str:
        if row.revoked:
            return pill("stopped", _now("revoked"))
        return pill("done", _now("valid"))

    @admin.display(description=_("created"))
    def made(self, row: Share) -> str:
        return moment(row.created)

    @admin.display(description=_("copied"))
    def copied(self, row: Share) -> str:
        return moment(row.updated)

    @admin.display(description=_("revoked"), empty_value="")
    def ended(self, row: Share) -> str | None:
        return moment(row.revoked) if row.revoked else None

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(description=_("Revoke the selected links"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: Any) -> None:
        chosen = queryset.order_by().values("pk")
        rows = sharing.withdraw(Share.objects.filter(pk__in=chosen), request.user)
        told = ngettext(
            "%(count)d link was revoked. It leads nowhere now.",
            "%(count)d links were revoked. They lead nowhere now.",
            len(rows),
        )
        level = messages.SUCCESS if rows else messages.WARNING
        self.message_user(request, told % {"count": len(rows)}, level)
