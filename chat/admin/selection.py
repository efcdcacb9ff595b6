"""What a reviewer does with many conversations at once: flags, and files of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..download import Download
from ..exporting import selection
from ..models import Conversation, Flag
from ..privacy import review
from .privacy import ReasonForm

MANY = 1000
"""Flags are raised and ended for no more at once."""


class ExportForm(ReasonForm):
    select_across = forms.BooleanField(
        label=_("All that the filters and the search leave, not only the selected"),
        required=False,
    )


class SelectionActions:
    actions: Any = (
        "flag_selected",
        "review_selected",
        "dismiss_selected",
        "assign_selected",
        "export_jsonl",
        "export_csv",
    )

    def has_flag_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("chat.add_flag"))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("chat.change_flag"))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return review.may_review(request.user)

    @admin.action(description=_("Flag the selected"), permissions=["flag"])
    def flag_selected(self, request: HttpRequest, queryset: Any) -> None:
        rows = Conversation.objects.filter(pk__in=_ids(queryset))
        self._told(request, review.flag(list(rows), by=request.user))

    @admin.action(
        description=_("Mark flags of the selected as reviewed"), permissions=["decide"]
    )
    def review_selected(self, request: HttpRequest, queryset: Any) -> None:
        flags = _flags(queryset)
        self._told(request, review.decide(flags, Flag.State.REVIEWED, request.user))

    @admin.action(
        description=_("Dismiss flags of the selected"), permissions=["decide"]
    )
    def dismiss_selected(self, request: HttpRequest, queryset: Any) -> None:
        flags = _flags(queryset)
        self._told(request, review.decide(flags, Flag.State.DISMISSED, request.user))

    @admin.action(
        description=_("Assign flags of the selected to me"), permissions=["decide"]
    )
    def assign_selected(self, request: HttpRequest, queryset: Any) -> None:
        self._told(request, review.assign(_flags(queryset), request.user))

    @admin.action(
        description=_("Export the selected for training (JSONL)"),
        permissions=["export"],
    )
    def export_jsonl(self, request: HttpRequest, queryset: Any) -> HttpResponseBase:
        return self._export(request, queryset, "jsonl")

    @admin.action(
        description=_("Export the selected as a table (CSV)"), permissions=["export"]
    )
    def export_csv(self, request: HttpRequest, queryset: Any) -> HttpResponseBase:
        return self._export(request, queryset, "csv")

    def _told(self, request: HttpRequest, count: int) -> None:
        told = ngettext(
            "%(count)d flag was changed.", "%(count)d flags were changed.", count
        )
        level = messages.SUCCESS if count else messages.WARNING
        messages.add_message(request, level, told % {"count": count})

    def _export(
        self, request: HttpRequest, queryset: Any, kind: str
    ) -> HttpResponseBase:
        """First a page that asks why, then the file."""
        asked = "reason" in request.POST
        form = ExportForm(request.POST if asked else None)
        if asked and form.is_valid():
            name = f"conversations-{timezone.localdate():%Y-%m-%d}.{kind}"
            reason = form.cleaned_data["reason"]
            file = selection.KINDS[kind]
            parts = file.write(request.user, queryset, reason)
            return Download(parts, name, file.content_type)
        site: Any = self.admin_site  # type: ignore[attr-defined]
        context = {
            **site.each_context(request),
            "title": _now("Export conversations"),
            "opts": self.opts,  # type: ignore[attr-defined]
            "media": self.media,  # type: ignore[attr-defined]
            "form": form,
            "action": f"export_{kind}",
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        }
        return TemplateResponse(request, "admin/chat/conversation/export.html", context)


def _ids(queryset: Any) -> list[Any]:
    return list(queryset.values_list("pk", flat=True)[:MANY])


def _flags(queryset: Any) -> Any:
    """Their open ones."""
    return Flag.objects.open().filter(conversation__in=_ids(queryset))
