"""Flags: what somebody, or the guard, wants to be looked at, and who does."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import Flag
from ..privacy import review
from .base import DependentAdmin, moment, pill, short, transcript_link
from .filters import AssigneeFilter

MANY = 1000


@admin.register(Flag)
class FlagAdmin(DependentAdmin[Flag]):
    list_display = (
        *("condition", "where", "person", "source", "said"),
        *("made_by", "assignee", "raised", "changed"),
    )
    list_filter = ("state", "source", AssigneeFilter)
    list_select_related = ("conversation__owner", "made_by", "assignee")
    fields = (
        *("condition", "where", "person", "source", "reason"),
        *("made_by", "assignee", "created", "updated"),
    )
    readonly_fields = ("condition", "where", "person")
    actions = ("mark_reviewed", "dismiss", "assign_to_me")

    def get_queryset(self, request: HttpRequest) -> Any:
        unread = ("title", "system_prompt", "params")
        rows = super().get_queryset(request)
        return rows.defer(*(f"conversation__{name}" for name in unread))

    @admin.display(description=_("state"))
    def condition(self, row: Flag) -> str:
        return pill(f"flag-{row.state}", row.get_state_display())

    @admin.display(description=_("conversation"))
    def where(self, row: Flag) -> str:
        place = row.conversation_id
        return transcript_link(place, row.message_id, short(place))

    @admin.display(description=_("owner"))
    def person(self, row: Flag) -> str:
        return row.conversation.owner.get_username()

    @admin.display(description=_("reason"), empty_value="")
    def said(self, row: Flag) -> str | None:
        return Truncator(row.reason).chars(80) or None

    @admin.display(description=_("created"))
    def raised(self, row: Flag) -> str:
        return moment(row.created)

    @admin.display(description=_("updated"))
    def changed(self, row: Flag) -> str:
        return moment(row.updated)

    # Working on them

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(description=_("Mark as reviewed"), permissions=["decide"])
    def mark_reviewed(self, request: HttpRequest, queryset: Any) -> None:
        self._told(request, review.decide(chosen(queryset), "reviewed", request.user))

    @admin.action(description=_("Dismiss"), permissions=["decide"])
    def dismiss(self, request: HttpRequest, queryset: Any) -> None:
        self._told(request, review.decide(chosen(queryset), "dismissed", request.user))

    @admin.action(description=_("Assign to me"), permissions=["decide"])
    def assign_to_me(self, request: HttpRequest, queryset: Any) -> None:
        self._told(request, review.assign(chosen(queryset), request.user))

    def _told(self, request: HttpRequest, count: int) -> None:
        told = ngettext(
            "%(count)d flag was changed.", "%(count)d flags were changed.", count
        )
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, told % {"count": count}, level)


def chosen(queryset: Any) -> Any:
    pks = list(queryset.values_list("pk", flat=True)[:MANY])
    return Flag.objects.filter(pk__in=pks)
