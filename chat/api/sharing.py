"""`/api/conversations/ID/share` and `/api/shares`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router, Status

from .. import sharing
from ..models import Share
from .auth import caller_of
from .schemas import ShareIn
from .shown import ShareOut, SharePage

router = Router(tags=["sharing"])
FIELDS = ("id", "token", "title", "messages", "reasoning", "created", "updated")


@router.post(
    "/conversations/{uuid:conversation}/share",
    response={200: ShareOut, 201: ShareOut},
)
def share(request: HttpRequest, conversation: UUID, body: ShareIn | None = None) -> Any:
    """Make a frozen copy of the active path and a link to it, for anybody who has it.

    200 instead of 201: the conversation had a link already, which now shows a new
    copy.
    """
    wish = body or ShareIn()
    row, is_new = sharing.share(
        caller_of(request), conversation, reasoning=wish.reasoning
    )
    return Status(201 if is_new else 200, shown(request, row))


@router.get("/shares", response=SharePage)
def list_shares(
    request: HttpRequest, conversation: UUID | None = None
) -> dict[str, Any]:
    """The caller's live links, newest first; of one conversation if it is named."""
    rows = sharing.links(caller_of(request))
    if conversation is not None:
        rows = rows.filter(conversation=conversation)
    return {"items": [shown(request, row) for row in rows[: sharing.MAX_SHARES]]}


@router.delete("/shares/{uuid:share}", response={204: None})
def revoke_share(request: HttpRequest, share: UUID) -> HttpResponse:
    """The link leads nowhere from now on. Twice is the same as once."""
    sharing.revoke(caller_of(request), share)
    return HttpResponse(status=204)


def shown(request: HttpRequest, row: Share) -> dict[str, Any]:
    path = reverse("share", args=[row.token])
    values = {name: getattr(row, name) for name in FIELDS}
    return values | {
        "conversation": row.conversation_id,
        "url": request.build_absolute_uri(path),
    }
