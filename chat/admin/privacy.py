"""What users and models wrote, in the admin: who sees it, and only for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ..models import Conversation
from ..privacy import audit, review
from .base import DependentAdmin, M, ReadOnlyAdmin, as_uuid

MINUTES = int(review.REASON_LASTS.total_seconds() // 60)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        min_length=5,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "autofocus": True}),
    )


class PrivateAdmin(ReadOnlyAdmin[M]):
    """Rows that show something of what a conversation says, if they may."""

    def conversation_of(self, row: Any) -> UUID | None:
        """None: it never became one, as a question that was refused."""
        raise NotImplementedError

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> str:
        """Each row gets `can_show`; that they were shown is in the audit log."""
        user = request.user
        reason = lists_reason(request)
        about = {pk for row in rows if (pk := self.conversation_of(row))}
        found = Conversation.objects.filter(pk__in=about)
        owners: dict[UUID, int] = {}
        shows_all = bool(reason) and settings.CHAT_REVIEW == "all"
        if reason:
            shown = review.readable(user, found).order_by()
            owners = dict(shown.values_list("pk", "owner"))
        for row in rows:
            place = self.conversation_of(row)
            row.can_show = place in owners if place else shows_all
        if reason and any(row.can_show for row in rows):
            objects = {review.LISTS: None}
            audit.record_many(
                user, audit.Action.LISTED, "conversation", objects, reason
            )
        if not review.may_review(user):
            return "off"
        return "" if reason else "reason"


class PrivateDependentAdmin(PrivateAdmin[M], DependentAdmin[M]):
    def get_object(self, request: HttpRequest, *place: Any) -> Any:
        row = super().get_object(request, *place)
        if row is not None:
            self.prepare(request, [row])
        return row


def lists_reason(request: HttpRequest) -> str | None:
    """Asked for once a request."""
    if not hasattr(request, "_lists_reason"):
        user = request.user
        may = review.may_review(user)
        given = review.reason_for_lists(user) if may else None
        vars(request)["_lists_reason"] = given
    reason: str | None = vars(request)["_lists_reason"]
    return reason


def ask(request: HttpRequest, row: Conversation) -> HttpResponse:
    """To the page that asks why, and from there back to this one."""
    query = urlencode({"of": row.pk, "next": request.get_full_path()})
    page = reverse("admin:chat_conversation_reason")
    return HttpResponseRedirect(f"{page}?{query}")


def reason_view(admin: ReadOnlyAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Asks why a conversation (`?of=`) is to be read, or titles to be seen."""
    user = request.user
    if not review.may_review(user):
        raise PermissionDenied
    row = None
    if wanted := request.GET.get("of"):
        row = get_object_or_404(review.readable(user), pk=as_uuid(wanted))
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        review.give_reason(user, row, form.cleaned_data["reason"])
        return HttpResponseRedirect(_next(request, row))
    context = {
        **admin.admin_site.each_context(request),
        "title": _now("Why do you want to read this?"),
        "opts": admin.opts,
        "media": admin.media,
        "form": form,
        "about": row,
        "minutes": MINUTES,
    }
    return TemplateResponse(request, "admin/chat/conversation/reason.html", context)


def _next(request: HttpRequest, row: Conversation | None) -> str:
    """Back to where it was asked from; never to another site."""
    wanted = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    if row is None:
        return reverse("admin:chat_conversation_changelist")
    return reverse("admin:chat_conversation_change", args=[row.pk])
