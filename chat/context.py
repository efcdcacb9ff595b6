"""What the next question of a conversation will carry along, and what will be left
out: the same rule by which engines cut (`chat.engines.fitting`), by estimate."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from .conversations import HISTORY_MESSAGES, path_to
from .engines.base import ModelInfo
from .engines.fitting import MESSAGE_TOKENS, kept, prompt_estimate, reserve
from .models import Conversation

Told = dict[str, str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Estimated tokens. `first_sent` is the oldest message the model will still see;
    None when there is none yet. `context_tokens` None: the model's size is unknown,
    so nothing is known to be cut."""

    model: str
    context_tokens: int | None
    reserved_tokens: int
    used_tokens: int
    first_sent: UUID | None
    cut: bool


def outlook(
    conversation: Conversation, model: ModelInfo, draft_tokens: int = 0
) -> Outlook:
    """For a draft of about so many tokens."""
    path = []
    if conversation.leaf_id:
        path = path_to(conversation.leaf_id, conversation.pk, HISTORY_MESSAGES)
    told = [
        Told(id=str(row.pk), role=row.role, content=row.content or row.instead)
        for row in path
        if row.content or row.instead
    ]
    size = model.context_tokens
    free = reserve(size, conversation.params.get("max_tokens")) if size else 0
    draft = Told(id="", role="user", content="x" * 4 * max(0, draft_tokens - 1))
    messages = [*_system(conversation), *told, draft]
    sent = kept(messages, size - free) if size else messages
    seen = [message["id"] for message in sent if message["id"]]
    return Outlook(
        model=model.id,
        context_tokens=size,
        reserved_tokens=free,
        used_tokens=prompt_estimate(sent) - (0 if draft_tokens else MESSAGE_TOKENS + 1),
        first_sent=UUID(seen[0]) if seen else None,
        cut=len(seen) < len(told) or bool(path and path[0].parent_id),
    )


def _system(conversation: Conversation) -> list[Told]:
    text = conversation.system_prompt or settings.CHAT_SYSTEM_PROMPT
    return [Told(id="", role="system", content=text)] if text else []
