"""Start, regenerate, edit and stop answers: with `chat.outcomes`, the only writers
of messages and generations.

All functions are synchronous and short; each is one transaction. What other parts
of the process must hear is told after the commit (`chat.nudges`), as a nudge: who
gets one reads the row again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import nudges
from .conversations import newest_leaf, title_from
from .database import write
from .errors import BusyError, ChatError, ConflictError, NotFoundError
from .models import Conversation, Generation, Message
from .models.generation import GenerationQuerySet
from .outcomes import EMPTY_CHECKPOINT, settle
from .tape import SPAN

QUEUE_FULL_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """A validated request for an answer. `params` as stored; `model` resolved.

    Without `store`, the text is dropped when the answer ends.
    """

    model: str
    params: dict[str, Any]
    idempotency_key: str | None = None
    store: bool = True


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
    return rows.filter(idempotency_key=key).first()


def start(
    user: Any,
    ask: Ask,
    prompt: str,
    *,
    conversation: UUID | None = None,
    parent: UUID | None = None,
    system_prompt: str | None = None,
) -> Generation:
    """A user message and its answer-to-be, in a new or an own conversation."""
    prompt = check_prompt(prompt)

    def record() -> Generation:
        owner = _conversation(user, ask, prompt, conversation, system_prompt)
        above = _parent(owner, parent)
        question = Message.objects.create(
            conversation=owner, parent_id=above, role="user", content=prompt
        )
        return answer_below(user, owner, question, ask)

    return once(user, ask, record, "updated" if conversation else "created")


def regenerate(user: Any, message: UUID, ask: Ask) -> Generation:
    """Another answer beside an assistant message (or below a user message)."""

    def record() -> Generation:
        seen = _message(user, message)
        question = seen.parent if seen.role == "assistant" else seen
        if question is None:
            raise NotFoundError("message")
        _check_idle(seen)
        return answer_below(user, seen.conversation, question, ask)

    return once(user, ask, record)


def edit(user: Any, message: UUID, prompt: str, ask: Ask) -> Generation:
    """Another version of a user message, as its sibling, with its own answer."""
    prompt = check_prompt(prompt)

    def record() -> Generation:
        seen = _message(user, message)
        if seen.role != "user":
            raise ChatError(
                _("Only your own messages can be edited."),
                code="not_editable",
                field="message",
            )
        question = Message.objects.create(
            conversation=seen.conversation,
            parent_id=seen.parent_id,
            role="user",
            content=prompt,
        )
        return answer_below(user, seen.conversation, question, ask)

    return once(user, ask, record)


def once(
    user: Any, ask: Ask, record: Callable[[], Generation], action: str = "updated"
) -> Generation:
    """Run `record` in a transaction; the same key twice gives the same generation.

    `action`: what the user's open pages are told; nothing if empty.
    """
    if (earlier := find_by_key(user, ask.idempotency_key)) is not None:
        return earlier
    _admit()
    try:
        with write():
            generation = record()
    except IntegrityError as error:
        # Two requests with one key at the same time: the other one was first.
        if (earlier := find_by_key(user, ask.idempotency_key)) is not None:
            return earlier
        # Or the conversation was deleted meanwhile.
        raise NotFoundError("conversation") from error
    nudges.queue.send()
    if action:
        nudges.conversation_changed(user.pk, action, generation.conversation_id)
    return generation


def _admit() -> None:
    """Refuse before anything is stored rather than be slow for everybody."""
    if Generation.objects.filter(status="queued").count() >= settings.CHAT_MAX_QUEUED:
        raise BusyError(
            _("Too many answers are waiting. Nothing was stored; try again soon."),
            code="queue_full",
            after=QUEUE_FULL_RETRY_SECONDS,
        )


def _conversation(
    user: Any, ask: Ask, prompt: str, pk: UUID | None, system_prompt: str | None
) -> Conversation:
    if pk is None:
        return Conversation.objects.create(
            owner=user,
            title=title_from(prompt),
            model=ask.model,
            system_prompt=system_prompt or "",
            updated=timezone.now(),
        )
    conversation = Conversation.objects.owned_by(user).filter(pk=pk).first()
    if conversation is None:
        raise NotFoundError("conversation")
    if system_prompt is not None:
        conversation.system_prompt = system_prompt
        conversation.save(update_fields=["system_prompt"])
    return conversation


def _parent(conversation: Conversation, parent: UUID | None) -> UUID | None:
    """The message the new one hangs below: the named one, or the active leaf."""
    if parent is None:
        above = conversation.leaf
    else:
        above = Message.objects.filter(conversation=conversation, pk=parent).first()
        if above is None:
            raise NotFoundError("parent")
    if above is None:
        return None
    _check_idle(above)
    if above.role != "assistant":
        raise ChatError(
            _("A question can only follow an answer."),
            code="invalid_parent",
            field="parent",
        )
    return above.pk


def _check_idle(message: Message) -> None:
    if message.status in ("queued", "running"):
        raise ConflictError(
            _("The last answer is still being written. Wait for it or stop it."),
            code="generation_running",
        )


def _message(user: Any, pk: UUID) -> Message:
    rows = Message.objects.owned_by(user).select_related("conversation", "parent")
    message = rows.filter(pk=pk).first()
    if message is None:
        raise NotFoundError("message")
    return message


def answer_below(
    user: Any, conversation: Conversation, question: Message, ask: Ask
) -> Generation:
    answer = Message.objects.create(
        conversation=conversation, parent=question, role="assistant", status="queued"
    )
    Conversation.objects.filter(pk=conversation.pk).update(
        leaf=answer, updated=timezone.now(), model=ask.model
    )
    return Generation.objects.create(
        user=user,
        conversation=conversation,
        message=answer,
        model=ask.model,
        # The conversation's own, under what this request asks for.
        params=conversation.params | ask.params,
        idempotency_key=ask.idempotency_key or None,
        store=ask.store,
    )


def stop(user: Any, pk: UUID) -> Generation:
    """Ask a generation to end; a queued one ends here. Idempotent."""
    if not Generation.objects.owned_by(user).filter(pk=pk).exists():
        raise NotFoundError("generation")
    rows = Generation.objects.filter(pk=pk)
    # First the wish, for whoever holds it or claims it just now.
    with write():
        rows.live().update(stop_requested=True)
    _end_unowned(rows.filter(status="queued"), "stopped", finish_reason="stopped")
    nudges.stop.send(str(pk))
    return rows.select_related("message", "conversation").get()


def fail_exhausted(generation: Generation) -> None:
    """The last permitted owner died: what there is, is kept. Unless it came back
    and renewed its lease meanwhile."""
    dead = Generation.objects.filter(
        pk=generation.pk,
        status="running",
        attempt=generation.attempt,
        lease_until__lt=Now(),
    )
    _end_unowned(
        dead,
        "failed",
        error_code="too_many_attempts",
        error_message="The server that wrote this answer stopped too often.",
        error_retryable=True,
    )


def _end_unowned(rows: GenerationQuerySet, status: str, **values: Any) -> None:
    """End what nobody drives: claim and finish in one step, from the checkpoint.

    `rows` holds one generation at most, with what must still be so.

    The two numbers above the new attempt's base are the snapshot and the end that
    `chat.follow` makes from the row.
    """
    with write():
        row = rows.select_for_update().first()
        if row is None:
            return
        rows.update(
            status=status,
            attempt=F("attempt") + 1,
            last_seq=(F("attempt") + 1) * SPAN + 2,
            finished=timezone.now(),
            lease_until=None,
            owner="",
            **EMPTY_CHECKPOINT,
            **values,
        )
        text, reasoning = row.text, row.reasoning
        row.refresh_from_db()
        settle(row, text, reasoning)
    nudges.ended.send(str(row.pk))
    nudges.conversation_changed(row.user_id, "updated", row.conversation_id)


def look_at(message: UUID, conversation: Conversation) -> None:
    """Make the newest branch below `message` the active path."""
    leaf = newest_leaf(message, conversation.pk)
    if leaf is not None:
        Conversation.objects.filter(pk=conversation.pk).update(leaf=leaf)
