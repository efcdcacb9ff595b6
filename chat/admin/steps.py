"""What a reviewer does with one conversation, on its transcript: notes and flags."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from ..models import Conversation, Flag
from ..privacy import review
from .base import as_uuid

FLAGS = 50
NOTES = 200
"""As many are shown."""


class NoteForm(forms.Form):
    text = forms.CharField(max_length=4000)


class FlagForm(forms.Form):
    text = forms.CharField(max_length=500, required=False)
    message = forms.UUIDField(required=False)


class ReviewSteps:
    def flags(self, row: Conversation) -> list[Flag]:
        rows = row.flags.select_related("made_by", "assignee")
        return list(rows.order_by("-id")[:FLAGS])

    def step_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """POST `step`: `note`, `flag`, `reviewed`, `dismissed` or `assign`."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = request.user
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        row = get_object_or_404(Conversation, pk=pk)
        step = request.POST.get("step", "")
        if step == "note":
            self._note(request, row)
        elif step == "flag":
            self._flag(request, row)
        elif user.has_perm("chat.change_flag"):
            chosen = row.flags.filter(pk=as_number(request.POST.get("flag")))
            if step == "assign":
                review.assign(chosen, user)
            elif step in ("reviewed", "dismissed"):
                review.decide(chosen, step, user)
        else:
            raise PermissionDenied
        return redirect("admin:chat_conversation_change", row.pk)

    def _note(self, request: HttpRequest, row: Conversation) -> None:
        """Only who has read it, notes something about it."""
        readable = review.readable(request.user).filter(pk=row.pk)
        if not readable.exists() or not review.reason_for(request.user, row.pk):
            raise PermissionDenied
        form = NoteForm(request.POST)
        if form.is_valid():
            review.note(row, form.cleaned_data["text"], request.user)
        else:
            messages.warning(request, _("Write something, of 4,000 characters."))

    def _flag(self, request: HttpRequest, row: Conversation) -> None:
        if not request.user.has_perm("chat.add_flag"):
            raise PermissionDenied
        form = FlagForm(request.POST)
        if not form.is_valid():
            messages.warning(request, _("Say it in 500 characters."))
            return
        wanted: Any = as_uuid(str(form.cleaned_data["message"] or ""))
        about = row.messages.filter(pk=wanted).first() if wanted else None
        review.flag(
            [row], by=request.user, reason=form.cleaned_data["text"], message=about
        )


def as_number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0
