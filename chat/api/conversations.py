"""`/api/conversations`, and the messages and feedback in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Status

from .. import conversations, generations, nudges, present
from ..context import Outlook, outlook
from ..engines.base import ModelInfo
from ..engines.registry import default_model, find_model
from ..errors import ChatError, NotFoundError
from ..models import Conversation, Feedback, Message
from .auth import caller_of, require
from .paging import MAX_LIMIT, bad_cursor, pack, unpack
from .schemas import (
    ContextOut,
    ConversationIn,
    ConversationOut,
    ConversationPage,
    ConversationPatch,
    FeedbackIn,
    MessageOut,
    MessagePage,
    without_nul,
)

router = Router(tags=["conversations"])
MAX_QUERY = 200
Json = dict[str, Any]


@router.get("/conversations", response=ConversationPage)
def list_conversations(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=MAX_QUERY)] = "",
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 30,
    archived: bool = False,
    source: Literal["web", "api"] = "web",
) -> Json:
    """The caller's own, pinned first, newest first.

    `source=api`: what programs asked through the OpenAI and DashScope dialects.
    """
    rows = Conversation.objects.owned_by(caller_of(request))
    rows = rows.filter(archived=archived, source=source)
    if words := without_nul(q).strip():
        rows = conversations.search(rows, words)
    if cursor:
        rows = rows.filter(_behind(cursor))
    page = list(rows.with_running().order_by("-pinned", "-updated", "-id")[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    last = page[-1] if more else None
    return {
        "items": [present.conversation(row) for row in page],
        "next": pack(int(last.pinned), last.updated.isoformat(), last.pk)
        if last
        else None,
    }


def _behind(cursor: str) -> Q:
    """What follows that place in (-pinned, -updated, -id)."""
    pinned, moment, pk = unpack(cursor, 3)
    try:
        updated, last = datetime.fromisoformat(moment).astimezone(UTC), UUID(pk)
    except (ValueError, OverflowError) as error:
        raise bad_cursor() from error
    older = Q(updated__lt=updated) | Q(updated=updated, pk__lt=last)
    if pinned == "1":
        return Q(pinned=False) | (Q(pinned=True) & older)
    return Q(pinned=False) & older


@router.post("/conversations", response={201: ConversationOut})
def create_conversation(request: HttpRequest, body: ConversationIn) -> Any:
    row = Conversation.objects.create(
        owner=caller_of(request),
        title=body.title.strip(),
        model=_known(body.model) or default_model(),
        system_prompt=body.system_prompt,
        params=body.params.stored(),
        updated=timezone.now(),
    )
    nudges.conversation_changed(row.owner_id, "created", row.pk)
    return Status(201, present.conversation(row))


@router.get("/conversations/{uuid:conversation}", response=ConversationOut)
def get_conversation(request: HttpRequest, conversation: UUID) -> Json:
    return present.conversation(owned(request, conversation))


@router.patch("/conversations/{uuid:conversation}", response=ConversationOut)
def change_conversation(
    request: HttpRequest, conversation: UUID, body: ConversationPatch
) -> Json:
    row = owned(request, conversation)
    changes = body.model_dump(exclude_none=True)
    _known(body.model)
    if body.params is not None:
        changes["params"] = body.params.stored()
    if "title" in changes:
        changes["title"] = changes["title"].strip()
    if changes:
        Conversation.objects.filter(pk=row.pk).update(**changes)
        nudges.conversation_changed(row.owner_id, "updated", row.pk)
    return present.conversation(owned(request, conversation))


@router.delete("/conversations/{uuid:conversation}", response={204: None})
def delete_conversation(request: HttpRequest, conversation: UUID) -> HttpResponse:
    """With all its messages. An answer that is being written there ends."""
    row = owned(request, conversation)
    for live in conversations.delete([row.pk], caller_of(request)):
        nudges.stop.send(str(live))
    nudges.conversation_changed(row.owner_id, "deleted", row.pk)
    return HttpResponse(status=204)


def _known(model: str | None) -> str | None:
    if model and find_model(model) is None:
        raise ChatError(
            _("There is no model of this name. GET /api/models lists them."),
            code="model_not_found",
            field="model",
        )
    return model


@router.get("/conversations/{uuid:conversation}/messages", response=MessagePage)
def list_messages(
    request: HttpRequest,
    conversation: UUID,
    leaf: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> Json:
    """The active path, oldest first; `next` leads to what came before.

    `leaf` names a message: the newest branch through it becomes the active path.
    """
    row = owned(request, conversation)
    if leaf is not None:
        require(request, "chat")  # the choice is stored
        if not Message.objects.filter(conversation=row, pk=leaf).exists():
            raise NotFoundError("leaf")
        generations.look_at(leaf, row)
        row.refresh_from_db(fields=["leaf"])
    end = _message_cursor(cursor) if cursor else row.leaf_id
    path = conversations.path_to(end, row.pk, limit) if end else []
    families = conversations.siblings_of(path)
    before = path[0].parent_id if path else None
    return {
        "items": [present.message(m, families[m.pk]) for m in path],
        "next": pack(before) if before else None,
    }


def _message_cursor(cursor: str) -> UUID:
    try:
        return UUID(unpack(cursor, 1)[0])
    except ValueError as error:
        raise bad_cursor() from error


@router.get("/conversations/{uuid:conversation}/context", response=ContextOut)
def look_ahead(
    request: HttpRequest,
    conversation: UUID,
    model: Annotated[str | None, Query(max_length=200)] = None,
    draft: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Outlook:
    """How much of the model's context the next question takes, by estimate, and which
    messages it will not carry along. `draft`: its own tokens, about."""
    row = owned(request, conversation)
    info = find_model(_known(model) or row.model) or find_model(default_model())
    return outlook(row, info or ModelInfo(row.model, row.model), draft)


@router.put("/messages/{uuid:message}/feedback", response=MessageOut)
def rate(request: HttpRequest, message: UUID, body: FeedbackIn) -> Json:
    """1 good, -1 bad, 0 takes it back."""
    rows = Message.objects.owned_by(caller_of(request)).select_related("generation")
    row = rows.filter(pk=message, role="assistant").first()
    if row is None:
        raise NotFoundError("message")
    if body.rating:
        Feedback.objects.update_or_create(
            message=row, defaults={"rating": body.rating, "comment": body.comment}
        )
    else:
        Feedback.objects.filter(message=row).delete()
    row = Message.objects.select_related("generation", "feedback").get(pk=row.pk)
    return present.message(row, conversations.siblings_of([row])[row.pk])


def owned(request: HttpRequest, pk: UUID) -> Conversation:
    rows = Conversation.objects.owned_by(caller_of(request)).with_running()
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError("conversation")
    return row
