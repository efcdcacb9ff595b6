"""Conversations: a list that stays fast, and each one as a transcript to read.

Everybody who may see the list sees whose they are and how they went. What they say is
for those who may review, for a reason (`privacy`, `chat.privacy.review`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .. import nudges
from ..conversations import purge
from ..database import write
from ..models import Conversation, Flag, Generation, Hold, Message
from ..privacy import audit, review
from ..search.find import find
from . import privacy
from .base import BoundedCount, as_uuid, moment, pill, short
from .drawn import picture_view
from .filters import (
    AnswersFilter,
    FlagFilter,
    GroupFilter,
    LongFilter,
    ModelFilter,
    RatingFilter,
    UserFilter,
)
from .holds import protected
from .selection import SelectionActions
from .steps import NOTES, ReviewSteps
from .transcript import transcript

MESSAGES_COUNTED = 1000
TITLE_SHOWN = 80
NAMED_ON_DELETE = 50
FOUND = 200
"""So many conversations a search through what they say finds, those with the newest
matches."""


@admin.register(Conversation)
class ConversationAdmin(
    SelectionActions, ReviewSteps, privacy.PrivateAdmin[Conversation]
):
    list_display = ("name", "person", "model", "state", "flag", "size", "changed")
    list_filter = (
        UserFilter,
        GroupFilter,
        FlagFilter,
        AnswersFilter,
        RatingFilter,
        "source",
        "archived",
        ("updated", admin.DateFieldListFilter),
        ModelFilter,
        LongFilter,
    )
    list_select_related = ("owner",)
    looked_up = ("owner", "pinned")
    sortable_by = ("changed",)
    date_hierarchy = "updated"
    search_fields = ("id",)
    search_help_text = _("Words in titles and messages, a whole user name, or an id.")

    class Media:
        css = {"all": ("admin_chat/transcript.css",)}

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., Any]) -> Any:
            return self.admin_site.admin_view(view)

        return [
            path(
                "reason/",
                wrapped(partial(privacy.reason_view, self)),
                name="chat_conversation_reason",
            ),
            path(
                "<uuid:pk>/review/",
                wrapped(self.step_view),
                name="chat_conversation_review",
            ),
            path(
                "<uuid:pk>/<uuid:picture>/picture/",
                wrapped(picture_view),
                name="chat_conversation_picture",
            ),
            path(
                "<uuid:pk>/<uuid:picture>/thumbnail/",
                wrapped(partial(picture_view, thumbnail=True)),
                name="chat_conversation_thumbnail",
            ),
            *super().get_urls(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To see that there are conversations, and whose. Not what they say."""
        may = request.user.has_perm(review.PERMISSION)
        return may or super().has_view_permission(request, obj)

    def conversation_of(self, row: Conversation) -> UUID:
        return row.pk

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        inside = Message.objects.filter(conversation=OuterRef("pk")).order_by()
        last = Generation.objects.filter(message=OuterRef("leaf")).order_by()
        flags = Flag.objects.filter(conversation=OuterRef("pk")).order_by("-id")
        return (
            super()
            .get_queryset(request)
            .defer("system_prompt")
            .annotate(
                size=BoundedCount(inside.values("pk")[:MESSAGES_COUNTED]),
                state=Subquery(last.values("status")[:1]),
                flag_state=Subquery(flags.values("state")[:1]),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """By words only for a reason: who finds something has read it."""
        term = search_term.strip()
        if (pk := as_uuid(term)) is not None:
            return queryset.filter(_about(pk)), False
        if term:
            people = get_user_model().objects.filter(username=term)
            either = Q(owner__in=list(people.values_list("pk", flat=True)))
            if privacy.lists_reason(request):
                rows: Any = review.readable(request.user, queryset).order_by()
                found = find(rows, _chosen(request), term, None, FOUND).found
                either |= Q(pk__in=found)
            queryset = queryset.filter(either)
        return queryset, False

    @admin.display(description=_("title"))
    def name(self, row: Any) -> str:
        if not row.can_show:
            return short(row.pk)
        return Truncator(row.title).chars(TITLE_SHOWN) or _now("Untitled")

    @admin.display(description=_("owner"))
    def person(self, row: Conversation) -> str:
        return row.owner.get_username()

    @admin.display(description=_("last answer"), empty_value="")
    def state(self, row: Any) -> str | None:
        if not row.state:
            return None
        return pill(row.state, Generation.Status(row.state).label)

    @admin.display(description=_("flag"), empty_value="")
    def flag(self, row: Any) -> str | None:
        if not row.flag_state:
            return None
        return pill(f"flag-{row.flag_state}", Flag.State(row.flag_state).label)

    @admin.display(description=_("messages"))
    def size(self, row: Any) -> str:
        return f"{row.size}+" if row.size >= MESSAGES_COUNTED else str(row.size)

    @admin.display(description=_("updated"), ordering="updated")
    def changed(self, row: Conversation) -> str:
        return moment(row.updated)

    # The transcript

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row) or request.method == "POST":
            raise PermissionDenied
        if row is None:
            return self._get_obj_does_not_exist_redirect(  # type: ignore[no-any-return, attr-defined]
                request, self.opts, object_id
            )
        if not review.readable(request.user).filter(pk=row.pk).exists():
            return self._show(request, row, {"is_hidden": True})
        reason = review.reason_for(request.user, row.pk)
        if reason is None:
            return privacy.ask(request, row)
        end = _message(request, "end")
        shown = transcript(row, _message(request, "at"), end)
        if shown is None:
            raise Http404
        audit.record(
            request.user, audit.Action.READ, row, whose=row.owner_id, reason=reason
        )
        told = {"transcript": shown, "end": end, "notes": row.notes.all()[:NOTES]}
        return self._show(request, row, told)

    def _show(
        self, request: HttpRequest, row: Conversation, told: dict[str, Any]
    ) -> HttpResponse:
        context = self._context(request, row) | told
        return TemplateResponse(
            request, "admin/chat/conversation/transcript.html", context
        )

    def _context(self, request: HttpRequest, row: Conversation) -> dict[str, Any]:
        people = get_user_model()._meta
        listed = reverse("admin:chat_conversation_changelist")
        see_user = f"{people.app_label}.view_{people.model_name}"
        page = f"admin:{people.app_label}_{people.model_name}_change"
        return {
            **self.admin_site.each_context(request),
            "title": short(row.pk),
            "opts": self.opts,
            "media": self.media,
            "conversation": row,
            "size": self.size(row),
            "flags": self.flags(row),
            "holds": Hold.objects.filter(Q(user=row.owner_id) | Q(conversation=row.pk)),
            "may_hold": request.user.has_perm("chat.add_hold"),
            "may_flag": request.user.has_perm("chat.add_flag"),
            "may_decide": request.user.has_perm("chat.change_flag"),
            "may_audit": request.user.has_perm("chat.view_auditentry"),
            "has_delete_permission": self.has_delete_permission(request, row),
            "owner_url": reverse(page, args=[row.owner_id])
            if request.user.has_perm(see_user)
            else None,
            "others_url": f"{listed}?owner__id__exact={row.owner_id}",
        }

    # Deleting

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Numbers, not the text of every message; the parts need no permission."""
        pks = [row.pk for row in objs]
        parts = Conversation.objects.filter(pk__in=pks).aggregate(
            messages=Count("messages")
        )
        counts = {
            self.opts.verbose_name_plural: len(pks),
            Message._meta.verbose_name_plural: parts["messages"],
        }
        kept = protected(Conversation.objects.filter(pk__in=pks))
        return [str(row) for row in objs[:NAMED_ON_DELETE]], counts, set(), kept

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # Django opens a transaction here; the writers' lock has to be taken first.
        with write():
            return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        _remove([obj.pk], request.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        _remove(list(queryset.values_list("pk", flat=True)), request.user)


def _chosen(request: HttpRequest) -> int | None:
    """The user to whom the list is filtered: a search through one is exact."""
    people = get_user_model().objects.filter(username=request.GET.get("user"))
    return people.values_list("pk", flat=True).first()


def _about(pk: UUID) -> Q:
    """The conversation with this id, or with this message or generation."""
    messages = Message.objects.filter(pk=pk).order_by()
    generations = Generation.objects.filter(pk=pk).order_by()
    return (
        Q(pk=pk)
        | Q(pk__in=messages.values("conversation"))
        | Q(pk__in=generations.values("conversation"))
    )


def _message(request: HttpRequest, name: str) -> UUID | None:
    value = request.GET.get(name)
    if not value:
        return None
    if (pk := as_uuid(value)) is None:
        raise Http404
    return pk


def _remove(pks: list[UUID], by: Any) -> None:
    """As their owners would; answers that are being written there end."""
    rows = Conversation.objects.filter(pk__in=pks)
    with write():
        owners = dict(rows.values_list("pk", "owner"))
        for live in purge(rows):
            transaction.on_commit(partial(nudges.stop.send, str(live)))
        for pk in rows.values_list("pk", flat=True):  # kept by a hold
            del owners[pk]
        audit.record_many(by, audit.Action.DELETED, "conversation", owners)
