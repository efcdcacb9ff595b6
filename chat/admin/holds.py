"""Legal holds: put a user or a conversation on hold with a reason, and lift it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from ..database import write
from ..models import Conversation, Hold
from ..privacy import holds
from .base import ReadOnlyAdmin, moment, short, transcript_link

SHOWN = ("whose", "about", "reason", "placed_by", "since")


class HoldForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Hold
        fields = ("user", "conversation", "reason")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin[Hold]):
    list_display = SHOWN
    list_display_links = ("whose",)
    list_select_related = ("user", "conversation__owner", "placed_by")
    search_fields = ("user__username", "conversation__owner__username")
    search_help_text = _("User name.")
    autocomplete_fields = ("user",)
    raw_id_fields = ("conversation",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        unread = ("title", "system_prompt", "params")
        rows = super().get_queryset(request)
        return rows.defer(*(f"conversation__{name}" for name in unread))

    @admin.display(description=_("user"))
    def whose(self, row: Hold) -> str:
        found: Any = row.user or (row.conversation and row.conversation.owner)
        return str(found)

    @admin.display(description=_("covers"))
    def about(self, row: Hold) -> Any:
        place = row.conversation_id
        if place is None:
            return _("everything of this user")
        return transcript_link(place, None, short(place))

    @admin.display(description=_("since"))
    def since(self, row: Hold) -> str:
        return moment(row.placed)

    # Placing one

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def get_form(
        self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": HoldForm, "fields": HoldForm.Meta.fields}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return HoldForm.Meta.fields if obj is None else SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else SHOWN

    def save_model(
        self, request: HttpRequest, obj: Hold, form: Any, change: bool
    ) -> None:
        row = holds.place(
            request.user, obj.reason, user=obj.user, conversation=obj.conversation
        )
        vars(obj).update(vars(row))

    # Django opens a transaction in each; the writers' lock has to be taken first.

    def changeform_view(self, *place: Any, **more: Any) -> HttpResponse:
        with write():
            return super().changeform_view(*place, **more)

    def delete_view(self, *place: Any, **more: Any) -> HttpResponse:
        with write():
            return super().delete_view(*place, **more)

    # Lifting

    def delete_model(self, request: HttpRequest, obj: Hold) -> None:
        holds.lift(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> None:
        for row in queryset:
            holds.lift(row, request.user)


def protected(rows: QuerySet[Conversation]) -> list[str]:
    """Why Django's page for deleting does not go on; no more than a few."""
    found = rows.filter(holds.held()).select_related("owner").order_by()
    return [
        _("Legal hold: %(name)s of %(owner)s")
        % {"name": short(row.pk), "owner": row.owner}
        for row in found.only("pk", "owner__username")[:20]
    ]
