"""Generations: what runs where, what it cost, what went wrong; and to stop it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..follow import timing
from ..models import Generation
from . import live
from .base import DependentAdmin, as_uuid, moment, pill, short, transcript_link
from .filters import FinishReasonFilter, ModelFilter, StatusFilter, in_state
from .transcript import seconds, tokens

STOPPED_AT_ONCE = 1000


@admin.register(Generation)
class GenerationAdmin(DependentAdmin[Generation]):
    list_display = (
        "state",
        "where",
        "person",
        "model",
        "attempt",
        "holder",
        "used",
        "first_token_after",
        "total_after",
        "finish_reason",
        "problem",
        "asked",
    )
    list_filter = (
        StatusFilter,
        FinishReasonFilter,
        ("created", admin.DateFieldListFilter),
        ModelFilter,
    )
    list_select_related = ("user",)
    looked_up = ("user",)
    sortable_by = ("asked",)
    date_hierarchy = "created"
    search_fields = ("id",)
    search_help_text = _("A whole user name, error code, or an id.")
    actions = ("stop_selected",)
    fields = (
        ("state", "stop_requested", "attempt", "owner", "lease_until"),
        ("person", "where", "model"),
        ("prompt_tokens", "completion_tokens", "finish_reason"),
        ("created", "started", "first_token", "finished"),
        ("error_code", "error_retryable"),
    )
    readonly_fields = ("state", "person", "where")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        rows = super().get_queryset(request)
        return rows.defer(
            *("text", "reasoning", "token_ids", "tool_calls", "params"),
            "error_message",
        )

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip()
        if (pk := as_uuid(term)) is not None:
            about = Q(pk=pk) | Q(message=pk) | Q(conversation=pk)
            return queryset.filter(about), False
        if term:
            people = User.objects.filter(username=term).values_list("pk", flat=True)
            if ids := list(people):
                return queryset.filter(user__in=ids), False
            queryset = in_state(queryset, "failed").filter(error_code=term)
        return queryset, False

    # Columns

    @admin.display(description=_("status"))
    def state(self, row: Generation) -> str:
        return pill(row.status, row.get_status_display())

    @admin.display(description=_("conversation"))
    def where(self, row: Generation) -> str:
        place = row.conversation_id
        return transcript_link(place, row.message_id, short(place))

    @admin.display(description=_("user"))
    def person(self, row: Generation) -> str:
        return row.user.get_username()

    @admin.display(description=_("lease owner"), empty_value="")
    def holder(self, row: Generation) -> str | None:
        return row.owner or None

    @admin.display(description=_("tokens"))
    def used(self, row: Generation) -> str:
        return tokens(row)

    @admin.display(description=_("first token"), empty_value="")
    def first_token_after(self, row: Generation) -> str | None:
        return _after(row, "ttft_ms")

    @admin.display(description=_("total"), empty_value="")
    def total_after(self, row: Generation) -> str | None:
        return _after(row, "total_ms")

    @admin.display(description=_("created"), ordering="created")
    def asked(self, row: Generation) -> str:
        return moment(row.created)

    @admin.display(description=_("error"), empty_value="")
    def problem(self, row: Generation) -> str | None:
        """The code only: what an engine says may quote the prompt."""
        return row.error_code or None

    # Stopping

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(partial(live.view, self))
        return [path("live/", page, name="chat_generation_live"), *super().get_urls()]

    @admin.action(description=_("Stop the selected answers"), permissions=["stop"])
    def stop_selected(self, request: HttpRequest, queryset: Any) -> None:
        """What is written so far is kept, as when its owner stops it."""
        rows = list(queryset.live()[:STOPPED_AT_ONCE])
        for row in rows:
            live.stop(row, request.user)
        told = ngettext(
            "%(count)d answer was told to stop.",
            "%(count)d answers were told to stop.",
            len(rows),
        )
        level = messages.SUCCESS if rows else messages.WARNING
        self.message_user(request, told % {"count": len(rows)}, level)


def _after(row: Generation, key: str) -> str | None:
    value = timing(row)[key]
    return None if value is None else seconds(value)
