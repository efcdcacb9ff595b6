"""Feedback: what users think of answers, each a click from the answer."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ..models import Feedback
from .base import DependentAdmin, moment, pill, transcript_link

COMMENT_SHOWN = 120


@admin.register(Feedback)
class FeedbackAdmin(DependentAdmin[Feedback]):
    list_display = ("opinion", "said", "person", "answered_by", "where", "given")
    list_filter = ("rating", ("updated", admin.DateFieldListFilter))
    list_select_related = ("message__conversation__owner", "message__generation")
    ordering = ("-id",)
    search_fields = ("comment", "message__conversation__owner__username")
    search_help_text = _("Comment or user name.")
    fields = (
        "opinion",
        "comment",
        "person",
        "answered_by",
        "where",
        "created",
        "updated",
    )
    readonly_fields = ("opinion", "person", "answered_by", "where")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        unread = [f"message__{name}" for name in ("content", "reasoning")]
        unread += [
            f"message__generation__{name}"
            for name in ("text", "reasoning", "token_ids", "params")
        ]
        rows = super().get_queryset(request)
        return rows.defer(*unread, "message__conversation__system_prompt")

    @admin.display(description=_("rating"))
    def opinion(self, row: Feedback) -> str:
        kind = "good" if row.rating == Feedback.Rating.GOOD else "bad"
        return pill(kind, row.get_rating_display())

    @admin.display(description=_("updated"))
    def given(self, row: Feedback) -> str:
        return moment(row.updated)

    @admin.display(description=_("comment"), empty_value="")
    def said(self, row: Feedback) -> str | None:
        return Truncator(row.comment).chars(COMMENT_SHOWN) or None

    @admin.display(description=_("user"))
    def person(self, row: Feedback) -> str:
        return row.message.conversation.owner.get_username()

    @admin.display(description=_("model"))
    def answered_by(self, row: Any) -> str | None:
        job = getattr(row.message, "generation", None)
        return job.model if job else None

    @admin.display(description=_("conversation"))
    def where(self, row: Feedback) -> str:
        place = row.message.conversation
        title = Truncator(place.title).chars(60) or _now("Untitled")
        return transcript_link(place.pk, row.message_id, title)
