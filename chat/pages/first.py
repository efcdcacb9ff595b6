"""What the chat page holds before its scripts run, and for those who have none: the
end of the conversation, the newest conversations, and a plain form that asks."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .. import generations, listing
from ..asking import Ask
from ..conversations import path_to
from ..engines.registry import find_model
from ..limits.offered import default_for
from ..models import Conversation, Generation, Message
from ..pictures import rows
from . import pictures
from .days import grouped

MESSAGES = 50
CONVERSATIONS = 30
EXAMPLES = (
    _("Explain in three sentences how a rainbow forms."),
    _("Write a Python function that removes duplicates and keeps the order."),
    _("Draft a friendly reminder about tomorrow’s meeting at nine."),
    _("Compare tea and coffee in a table."),
)
DEMO_EXAMPLES = (
    _("How do I stop a reply?"),
    _("What is Chatsite?"),
    _("What happens when the server restarts?"),
    _("Count from one to ten."),
)


def first_page(
    user: Any,
    conversation: Conversation | None,
    zone: tzinfo,
    before: UUID | None = None,
) -> dict[str, Any]:
    """The template's context. `before`: show what came before that message."""
    path = _path(conversation, before) if conversation else []
    rows.of_path(path)
    last = path[-1] if path else None
    model = find_model(conversation.model if conversation else default_for(user))
    return {
        "path": [_shown(message) for message in path],
        "older": path[0].pk if path and path[0].parent_id else None,
        "parent": last.pk if last and not before else "",
        "waiting": bool(last and last.status in ("queued", "running")),
        "recent": grouped(_recent(user), zone),
        "draws": model is not None and model.kind == "image",
        "examples": DEMO_EXAMPLES if model and model.demo else EXAMPLES,
    }


def _path(conversation: Conversation, before: UUID | None) -> list[Message]:
    end = conversation.leaf_id
    if before is not None:
        above = conversation.messages.filter(pk=before).values_list("parent_id")
        end = above[0][0] if above else None
    return path_to(end, conversation.pk, MESSAGES) if end else []


def _recent(user: Any) -> list[Conversation]:
    rows = listing.shelf(Conversation.objects.owned_by(user))
    return listing.page(rows.prefetch_related("tags"), None, CONVERSATIONS)


def _shown(message: Message) -> dict[str, Any]:
    job: Generation | None = getattr(message, "generation", None)
    live = job is not None and job.is_live
    return {
        "role": message.role,
        "text": job.text if job and live else message.content,
        "reasoning": job.reasoning if job and live else message.reasoning,
        "status": message.status,
        "live": live,
        "draws": job is not None and job.draws,
        "images": pictures.shown(map(rows.shown, job.drawn)) if job else [],
        "blank": pictures.blank(job) if job and live else None,
        "error": job.error_message if job and job.status == "failed" else "",
    }


def ask(request: HttpRequest, conversation: Conversation | None) -> Generation:
    """The plain form was sent. Raises `ChatError` when it is not taken."""
    prompt = request.POST.get("example") or request.POST.get("prompt", "")
    return generations.start(
        request.user,
        Ask("", {}),
        prompt,
        conversation=conversation.pk if conversation else None,
        parent=uuid_of(request.POST.get("parent")),
    )


def uuid_of(text: str | None) -> UUID | None:
    """None for what is no id: the form was changed by hand."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
