"""Feedback: what users think of answers, each a click from the answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ..models import Conversation, Feedback
from ..privacy import review
from .base import moment, pill, short, transcript_link
from .privacy import PrivateDependentAdmin, lists_reason

COMMENT_SHOWN = 120
FOUND = 200


@admin.register(Feedback)
class FeedbackAdmin(PrivateDependentAdmin[Feedback]):
    list_display = ("opinion", "said", "person", "answered_by", "where", "given")
    list_filter = ("rating", ("updated", admin.DateFieldListFilter))
    list_select_related = ("message__conversation__owner", "message__generation")
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = _("Words in a comment, or a whole user name.")
    fields = (
        "opinion",
        "comment_shown",
        "person",
        "answered_by",
        "where",
        "created",
        "updated",
    )
    readonly_fields = ("opinion", "comment_shown", "person", "answered_by", "where")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        unread = [f"message__{name}" for name in ("content", "reasoning")]
        unread += [
            f"message__generation__{name}"
            for name in ("text", "reasoning", "token_ids", "params")
        ]
        rows = super().get_queryset(request)
        return rows.defer(*unread, "message__conversation__system_prompt")

    def conversation_of(self, row: Feedback) -> UUID:
        return row.message.conversation_id

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip()
        if term:
            people = User.objects.filter(username=term).values_list("pk", flat=True)
            either = Q(message__conversation__owner__in=list(people))
            if lists_reason(request):
                either |= Q(pk__in=commented(request.user, queryset, term))
            queryset = queryset.filter(either)
        return queryset, False

    @admin.display(description=_("rating"))
    def opinion(self, row: Feedback) -> str:
        kind = "good" if row.rating == Feedback.Rating.GOOD else "bad"
        return pill(kind, row.get_rating_display())

    @admin.display(description=_("updated"))
    def given(self, row: Feedback) -> str:
        return moment(row.updated)

    @admin.display(description=_("comment"), empty_value="")
    def said(self, row: Any) -> str | None:
        if row.comment and not row.can_show:
            return "…"
        return Truncator(row.comment).chars(COMMENT_SHOWN) or None

    @admin.display(description=_("comment"))
    def comment_shown(self, row: Any) -> str:
        return str(row.comment) if row.can_show else "…"

    @admin.display(description=_("user"))
    def person(self, row: Feedback) -> str:
        return row.message.conversation.owner.get_username()

    @admin.display(description=_("model"))
    def answered_by(self, row: Any) -> str | None:
        job = getattr(row.message, "generation", None)
        return job.model if job else None

    @admin.display(description=_("conversation"))
    def where(self, row: Feedback) -> str:
        place = row.message.conversation_id
        return transcript_link(place, row.message_id, short(place))


def commented(user: Any, rows: QuerySet[Feedback], term: str) -> list[int]:
    """The newest whose comment says so, as far as the user may read it."""
    said = rows.filter(comment__icontains=term).order_by("-id")
    found = dict(said.values_list("pk", "message__conversation")[:FOUND])
    about = Conversation.objects.filter(pk__in=set(found.values()))
    shown = set(review.readable(user, about).order_by().values_list("pk", flat=True))
    return [pk for pk, place in found.items() if place in shown]
