"""Conversations: a list that stays fast, and each one as a transcript to read."""

from __future__ import annotations

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
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .. import nudges
from ..conversations import delete
from ..database import write
from ..models import Conversation, Generation, Message
from .base import BoundedCount, ReadOnlyAdmin, as_uuid, moment, pill
from .filters import AnswersFilter, ModelFilter, RatingFilter
from .transcript import transcript

MESSAGES_COUNTED = 1000
TITLE_SHOWN = 80
NAMED_ON_DELETE = 50


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin[Conversation]):
    list_display = ("name", "person", "model", "state", "size", "changed")
    list_filter = (
        AnswersFilter,
        RatingFilter,
        "source",
        "archived",
        "pinned",
        ("updated", admin.DateFieldListFilter),
        ModelFilter,
    )
    list_select_related = ("owner",)
    sortable_by = ("changed",)
    date_hierarchy = "updated"
    search_fields = ("title",)
    search_help_text = _("Title, user name, text of a message, or an id.")

    class Media:
        css = {"all": ("admin_chat/transcript.css",)}

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        inside = Message.objects.filter(conversation=OuterRef("pk")).order_by()
        last = Generation.objects.filter(message=OuterRef("leaf")).order_by()
        return (
            super()
            .get_queryset(request)
            .defer("system_prompt")
            .annotate(
                size=BoundedCount(inside.values("pk")[:MESSAGES_COUNTED]),
                state=Subquery(last.values("status")[:1]),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip()
        if (pk := as_uuid(term)) is not None:
            return queryset.filter(_about(pk)), False
        if term:
            people = get_user_model().objects.filter(username__icontains=term)
            inside = Message.objects.filter(content__icontains=term)
            queryset = queryset.filter(
                Q(owner__in=people)
                | Q(title__icontains=term)
                | Q(pk__in=inside.values("conversation"))
            )
        return queryset, False

    @admin.display(description=_("title"))
    def name(self, row: Conversation) -> str:
        return Truncator(row.title).chars(TITLE_SHOWN) or _now("Untitled")

    @admin.display(description=_("owner"))
    def person(self, row: Conversation) -> str:
        return row.owner.get_username()

    @admin.display(description=_("last answer"), empty_value="")
    def state(self, row: Any) -> str | None:
        if not row.state:
            return None
        return pill(row.state, Generation.Status(row.state).label)

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
        end = _message(request, "end")
        shown = transcript(row, _message(request, "at"), end)
        if shown is None:
            raise Http404
        with write():
            self.log_change(request, row, _now("Read the transcript."))
        context = self._context(request, row) | {"transcript": shown, "end": end}
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
            "title": row.title or _now("Untitled"),
            "opts": self.opts,
            "media": self.media,
            "conversation": row,
            "size": self.size(row),
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
        return [str(row) for row in objs[:NAMED_ON_DELETE]], counts, set(), []

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
        _remove([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        _remove(list(queryset.values_list("pk", flat=True)))


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


def _remove(pks: list[UUID]) -> None:
    """As each owner would; answers that are being written there end."""
    with write():
        owners = get_user_model().objects.filter(conversations__in=pks).distinct()
        for owner in owners.only("pk"):
            for live in delete(pks, owner):
                transaction.on_commit(partial(nudges.stop.send, str(live)))
