"""`/api/conversations`, and the messages and feedback in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from .. import conversations, generations, listing, nudges, present, tags, titles
from ..context import Outlook, outlook
from ..database import write
from ..engines.base import ModelInfo
from ..engines.registry import find_model
from ..errors import NotFoundError
from ..limits.offered import default_for, model_for, usual_for
from ..listing import Place
from ..models import Conversation, Feedback, Message
from ..models.conversation import ConversationQuerySet
from ..models.tag import TAG_CHARS
from ..pictures.rows import of_path
from ..privacy import removal
from ..screening.prompts import system_prompt
from ..search import find as search
from .auth import caller_of, require
from .paging import MAX_LIMIT, bad_cursor, pack, unpack
from .schemas import ConversationIn, ConversationPatch, FeedbackIn, without_nul
from .shown import (
    ContextOut,
    ConversationOut,
    ConversationPage,
    MessageOut,
    MessagePage,
    TagPage,
)

router = Router(tags=["conversations"])
MAX_QUERY = 200
Json = dict[str, Any]


@router.get("/conversations", response=ConversationPage)
def list_conversations(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=MAX_QUERY)] = "",
    tag: Annotated[str, Query(max_length=TAG_CHARS)] = "",
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 30,
    archived: bool = False,
    source: Literal["web", "api"] = "web",
) -> Json:
    """The caller's own, pinned first, newest first.

    `q`: those with all these words in their title or in one of their messages, newest
    match first, each with `snippets`. A page of them may be short and have a `next`
    nevertheless. `source=api`: what programs asked through the OpenAI and DashScope
    dialects.
    """
    user = caller_of(request)
    rows = Conversation.objects.owned_by(user)
    rows = listing.shelf(rows, archived=archived, source=source)
    if name := without_nul(tag).strip():
        rows = tags.tagged(rows, user, name)
    if words := without_nul(q).strip():
        return _found(rows, user, words, cursor, limit)
    behind = _place(cursor) if cursor else None
    page = listing.page(rows.to_show(), behind, limit + 1)
    more, page = len(page) > limit, page[:limit]
    last = page[-1] if more else None
    return {
        "items": [present.conversation(row) for row in page],
        "next": pack(int(last.pinned), last.updated.isoformat(), last.pk)
        if last
        else None,
    }


def _place(cursor: str) -> Place:
    pinned, moment, pk = unpack(cursor, 3)
    try:
        updated = datetime.fromisoformat(moment).astimezone(UTC)
        return Place(pinned == "1", updated, UUID(pk))
    except (ValueError, OverflowError) as error:
        raise bad_cursor() from error


def _found(
    rows: ConversationQuerySet, user: Any, words: str, cursor: str | None, limit: int
) -> Json:
    page = search.find(rows, user.pk, words, _before(cursor), limit)
    shown = rows.to_show().in_bulk(list(page.found))
    pieces = search.snippets(page, words)
    items = [
        present.found(shown[pk], pieces[pk])
        for pk in page.found
        if pk in shown and pk in pieces  # not deleted since
    ]
    return {"items": items, "next": pack(page.next) if page.next else None}


def _before(cursor: str | None) -> int | None:
    if not cursor:
        return None
    [number] = unpack(cursor, 1)
    if not number.isascii() or not number.isdecimal() or int(number) >= search.TOP:
        raise bad_cursor()
    return int(number)


@router.post("/conversations", response={201: ConversationOut})
def create_conversation(request: HttpRequest, body: ConversationIn) -> Any:
    user = caller_of(request)
    row = Conversation.objects.create(
        owner=user,
        title=body.title.strip(),
        title_source="user" if body.title.strip() else "prompt",
        model=_known(user, body.model) or default_for(user),
        system_prompt=system_prompt(user, body.system_prompt),
        params=body.params.stored(),
        updated=timezone.now(),
    )
    nudges.conversation_changed(row.owner_id, "created", row.pk)
    return Status(201, present.conversation(row))


@router.get("/conversations/{uuid:conversation}", response=ConversationOut)
def get_conversation(request: HttpRequest, conversation: UUID) -> Json:
    return _shown(request, conversation)


@router.patch("/conversations/{uuid:conversation}", response=ConversationOut)
def change_conversation(
    request: HttpRequest, conversation: UUID, body: ConversationPatch
) -> Json:
    row = owned(request, conversation)
    changes = body.model_dump(exclude_none=True, exclude={"tags", "title"})
    _known(caller_of(request), body.model)
    if body.params is not None:
        changes["params"] = body.params.stored()
    if body.system_prompt:
        changes["system_prompt"] = system_prompt(row.owner, body.system_prompt)
    if body.title is not None:
        titles.rename(row.pk, body.title)
    if body.tags is not None:
        tags.put(row, body.tags)
    if changes:
        Conversation.objects.filter(pk=row.pk).update(**changes)
    if body.model_fields_set:
        nudges.conversation_changed(row.owner_id, "updated", row.pk)
    return _shown(request, conversation)


@router.delete("/conversations/{uuid:conversation}", response={204: None})
def delete_conversation(request: HttpRequest, conversation: UUID) -> HttpResponse:
    """With all its messages. An answer that is being written there ends.

    For half a minute `POST /api/conversations/ID/restore` brings it back.
    """
    user = caller_of(request)
    if not removal.remove([conversation], user):
        raise NotFoundError("conversation")
    nudges.conversation_changed(user.pk, "deleted", conversation)
    return HttpResponse(status=204)


@router.post("/conversations/{uuid:conversation}/restore", response=ConversationOut)
def restore_conversation(request: HttpRequest, conversation: UUID) -> Json:
    """Take a deletion back, while that is possible; 404 afterwards. Idempotent."""
    if removal.restore(conversation, caller_of(request)):
        nudges.conversation_changed(caller_of(request).pk, "created", conversation)
    return _shown(request, conversation)


@router.get("/tags", response=TagPage)
def list_tags(request: HttpRequest) -> Json:
    """The caller's own, by name; those that no conversation has are gone."""
    return {"items": list(tags.in_use(caller_of(request)))}


def _known(user: Any, model: str | None) -> str | None:
    return model_for(user, model).id if model else model


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
    user = caller_of(request)
    info = find_model(_known(user, model) or usual_for(user, row.model))
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
        with write():
            Feedback.objects.filter(message=row).delete()
    row = Message.objects.select_related("generation", "feedback").get(pk=row.pk)
    of_path([row])
    return present.message(row, conversations.siblings_of([row])[row.pk])


def owned(request: HttpRequest, pk: UUID) -> Conversation:
    return _one(Conversation.objects.owned_by(caller_of(request)), pk)


def _shown(request: HttpRequest, pk: UUID) -> Json:
    rows = Conversation.objects.owned_by(caller_of(request)).to_show()
    return present.conversation(_one(rows, pk))


def _one(rows: ConversationQuerySet, pk: UUID) -> Conversation:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError("conversation")
    return row
