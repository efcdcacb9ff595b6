"""How an answer is asked for: stored once and whole, or refused and not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import nudges
from .database import write
from .engines.base import Kind
from .errors import BusyError, ChatError, NotFoundError
from .limits import enforce as limits
from .limits.enforce import Admitted
from .limits.offered import choose
from .models import Conversation, Generation, Message
from .observe import tracing
from .pictures.asking import check_room
from .pictures.rows import with_pictures
from .records import CONVERSATIONS, GENERATIONS, MESSAGES
from .running.desk import desk
from .tape import CARRIED


@dataclass(frozen=True, slots=True)
class Ask:
    """A validated request for an answer. `params` as stored.

    With an empty `model`, the conversation goes on with the one it had. Without
    `store`, the text is dropped when the answer ends. `draws`: pictures are asked for
    (`params` of `chat.pictures.asking`), and no text.
    """

    model: str
    params: dict[str, Any]
    idempotency_key: str | None = None
    store: bool = True
    draws: bool = False


def check_prompt(prompt: str) -> str:
    """The prompt as stored, or what is wrong with it."""
    prompt = prompt.replace("\0", "")
    if not prompt.strip():
        raise ChatError(
            _("Write something first: the prompt is empty."),
            code="prompt_empty",
            field="prompt",
        )
    limit = settings.CHAT_MAX_PROMPT_CHARS
    if len(prompt) > limit:
        text = ngettext(
            "The prompt has %(size)d characters, %(limit)d is allowed. Shorten it.",
            "The prompt has %(size)d characters, %(limit)d are allowed. Shorten it.",
            limit,
        )
        raise ChatError(
            text % {"size": len(prompt), "limit": limit},
            code="prompt_too_long",
            field="prompt",
        )
    return prompt


def find_by_key(user: Any, key: str | None) -> Generation | None:
    """The generation an earlier request with this key started."""
    if not key:
        return None
    rows = Generation.objects.owned_by(user).select_related("message", "conversation")
    found = list(rows.filter(idempotency_key=key))
    with_pictures(found)
    return found[0] if found else None


def once(
    user: Any, ask: Ask, record: Callable[[], Generation], action: str = "updated"
) -> Generation:
    """Run `record` in a transaction; the same key twice gives the same generation.

    `action`: what the user's open pages are told; nothing if empty.
    """
    if (earlier := find_by_key(user, ask.idempotency_key)) is not None:
        return earlier
    try:
        with tracing.submitting(), desk.place() as place, write():
            generation = record()
            place.claim(generation)
    except (IntegrityError, BusyError) as error:
        # Two requests with one key at the same time: the other one was first.
        if (earlier := find_by_key(user, ask.idempotency_key)) is not None:
            return earlier
        if isinstance(error, BusyError):
            raise
        # Or the conversation was deleted meanwhile.
        raise NotFoundError("conversation") from error
    if not place.is_taken:
        nudges.queue.send()
    if action:
        nudges.conversation_changed(user.pk, action, generation.conversation_id)
    return generation


def answer_below(
    user: Any, path: Sequence[Message], ask: Ask, begun: Message | None = None
) -> Generation:
    """Store what is new of a path, its conversation too, and queue an answer to its
    end. The database checks at the commit that all of it belongs together.

    `begun`: an earlier answer whose text the new one begins with.
    """
    question = path[-1]
    conversation = question.conversation
    kind: Kind = "image" if ask.draws else "text"
    model = choose(user, ask.model, conversation.model, kind)
    admitted = _admitted(user, ask, conversation)
    answer = MESSAGES.new(
        conversation=conversation,
        parent=question,
        role="assistant",
        status="queued",
        tokens=begun.tokens if begun else None,
    )
    conversation.leaf = answer
    if conversation._state.adding or not ask.draws:
        conversation.model = model
    conversation.updated = now = timezone.now()
    if conversation._state.adding:
        CONVERSATIONS.insert(conversation)
    elif not CONVERSATIONS.update(
        {"id": conversation.pk, "deleted": None},
        leaf_id=answer.pk,
        updated=now,
        model=conversation.model,
    ):
        raise NotFoundError("conversation")  # deleted meanwhile
    MESSAGES.insert(*(row for row in path if row._state.adding), answer)
    generation = GENERATIONS.new(
        user=user,
        conversation=conversation,
        message=answer,
        model=model,
        params=admitted.params,
        idempotency_key=ask.idempotency_key or None,
        store=ask.store,
        trace=tracing.carried(),
    )
    generation.left, generation.is_next = admitted.left, admitted.is_next
    if begun is not None:
        generation.text, generation.reasoning = begun.content, begun.reasoning
        generation.last_seq = CARRIED
    GENERATIONS.insert(generation)
    return generation


def _admitted(user: Any, ask: Ask, conversation: Conversation) -> Admitted:
    if ask.draws:
        check_room(user)
        return limits.admit(user, ask.params)
    # The conversation's own, under what this request asks for.
    return limits.admit(user, conversation.params | ask.params)
