"""Share a conversation: a frozen copy of the path its owner looks at, behind a link.

One live link for each conversation. Sharing it again is a new copy on the same link.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .conversations import path_to
from .database import write
from .engines.registry import find_model
from .errors import ChatError, NotFoundError
from .models import Conversation, Generation, Message, Picture, Share
from .models.share import TOKEN_CHARS, ShareQuerySet
from .pictures.rows import of_path
from .privacy import audit
from .privacy.audit import Action

MAX_SHARES = 200
"""Live links of one user."""
MAX_MESSAGES = 2000
MAX_CHARS = 2_000_000
ROLES = ("user", "assistant")
Json = dict[str, Any]


def share(
    user: Any, conversation: UUID, *, reasoning: bool = False
) -> tuple[Share, bool]:
    """The link with a copy as of now, and whether the link is new."""
    if not settings.CHAT_SHARING:
        raise ChatError(
            _("Sharing is switched off on this site."), code="sharing_off", status=403
        )
    row = Conversation.objects.owned_by(user).filter(pk=conversation).first()
    if row is None:
        raise NotFoundError("conversation")
    content = frozen(row, reasoning)
    copy = {
        "title": row.title,
        "content": content,
        "messages": len(content),
        "reasoning": reasoning,
        "updated": timezone.now(),
    }
    try:
        return _put(user, row, copy)
    except IntegrityError:
        # Shared twice at the same time: the other one was first.
        return _put(user, row, copy)


def _put(user: Any, conversation: Conversation, copy: Json) -> tuple[Share, bool]:
    live = links(user)
    with write():
        if live.filter(conversation=conversation).update(**copy):
            row = live.get(conversation=conversation)
            audit.record(user, Action.SHARED, row, whose=user.pk)
            return row, False
        if live.count() >= MAX_SHARES:
            raise ChatError(
                _("You have %(limit)d shared links. Revoke one of them first.")
                % {"limit": MAX_SHARES},
                code="too_many_shares",
                status=409,
            )
        row = Share.objects.create(owner=user, conversation=conversation, **copy)
        audit.record(user, Action.SHARED, row, whose=user.pk)
        return row, True


def frozen(conversation: Conversation, reasoning: bool) -> list[Json]:
    """What a reader of the link sees, and nothing else of the conversation."""
    leaf = conversation.leaf_id
    path = path_to(leaf, conversation.pk, MAX_MESSAGES + 1) if leaf else []
    of_path(path)
    content = [_copied(message, reasoning) for message in path]
    content = [message for message in content if message["text"] or "images" in message]
    if not content:
        raise ChatError(
            _("There is nothing in this conversation yet that could be shared."),
            code="nothing_to_share",
        )
    size = sum(len(m["text"]) + len(m.get("reasoning", "")) for m in content)
    if len(path) > MAX_MESSAGES or size > MAX_CHARS:
        raise ChatError(
            _("This conversation is too long to be shared."), code="too_long"
        )
    return content


def _copied(message: Message, reasoning: bool) -> Json:
    """An answer that is being written is copied as far as it has come. Of pictures it
    is what to show; their files are not copied."""
    job: Generation | None = getattr(message, "generation", None)
    live = job is not None and job.is_live
    text = job.text if job and live else message.content
    thoughts = job.reasoning if job and live else message.reasoning
    copied: Json = {
        "role": message.role,
        "text": text if message.role in ROLES else "",
        "created": message.created.isoformat(),
    }
    if job is not None:
        known = find_model(job.model)
        copied["model"] = known.label if known else job.model
        if job.drawn:
            copied["images"] = [_shown(picture) for picture in job.drawn]
    if reasoning and thoughts:
        copied["reasoning"] = thoughts
    return copied


def _shown(picture: Picture) -> Json:
    sides = {"width": picture.width, "height": picture.height}
    return {"id": str(picture.pk), "alt": picture.alt, **sides}


def links(user: Any) -> ShareQuerySet:
    """The user's live links, newest first, without their content."""
    rows = Share.objects.owned_by(user).live().filter(conversation__deleted=None)
    return rows.defer("content")


def revoke(user: Any, pk: UUID) -> None:
    """From now on the link leads nowhere; the copy is gone. Idempotent."""
    rows = Share.objects.owned_by(user).filter(pk=pk)
    if not rows.exists():
        raise NotFoundError("share")
    withdraw(rows, user)


def withdraw(rows: ShareQuerySet, by: Any) -> list[UUID]:
    """Revoke those that are live; which."""
    with write():
        live = rows.live().select_for_update().order_by("pk")
        owners = dict(live.values_list("pk", "owner"))
        gone = Share.objects.filter(pk__in=owners).live()
        gone.update(revoked=timezone.now(), content=[], title="")
        audit.record_many(by, Action.UNSHARED, "share", owners)
    return list(owners)


def find(token: str) -> Share | None:
    """What the link shows, if it still shows anything."""
    if not settings.CHAT_SHARING or len(token) != TOKEN_CHARS:
        return None
    return Share.objects.public().filter(token=token).first()


def find_picture(token: str, pk: UUID) -> Picture | None:
    """One of those in the copy, if the link still shows anything."""
    row = find(token)
    if row is None:
        return None
    shown = (image["id"] for copy in row.content for image in copy.get("images", ()))
    if str(pk) not in shown:
        return None
    inside = Picture.objects.filter(message__conversation=row.conversation_id)
    return inside.filter(pk=pk).first()
