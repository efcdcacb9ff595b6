"""Start, regenerate, edit and stop answers: with `chat.asking` and
`chat.running.outcomes`, the only writers of messages and generations.

All functions are synchronous and short; each is one transaction. What other parts
of the process must hear is told after the commit (`chat.nudges`), as a nudge: who
gets one reads the row again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from . import nudges
from .asking import Ask, answer_below, check_prompt, once
from .conversations import newest_leaf
from .database import write
from .errors import ChatError, ConflictError, NotFoundError
from .models import Conversation, Generation, Message
from .models.generation import GenerationQuerySet
from .observe import metrics
from .pictures import asking as pictures
from .records import CONVERSATIONS, MESSAGES, load
from .running.outcomes import EMPTY_CHECKPOINT, settle
from .screening.prompts import Asked
from .tape import SPAN
from .titles import title_from


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
    asked = Asked(user, store=ask.store)
    prompt = asked.text(check_prompt(prompt), "prompt")
    if system_prompt:
        system_prompt = asked.system(system_prompt)

    def record() -> Generation:
        owner = _conversation(user, prompt, conversation, system_prompt)
        above = _parent(owner, parent)
        question = MESSAGES.new(
            conversation=owner, parent_id=above, role="user", content=prompt
        )
        return asked.keep(answer_below(user, [question], ask))

    return once(user, ask, record, "updated" if conversation else "created")


def regenerate(user: Any, message: UUID, ask: Ask) -> Generation:
    """Another answer beside an assistant message (or below a user message). Pictures
    are drawn again as they were asked for, from another seed."""

    def record() -> Generation:
        seen = _message(user, message)
        question = seen.parent if seen.role == "assistant" else seen
        if question is None:
            raise NotFoundError("message")
        _check_idle(seen)
        question.conversation = seen.conversation
        return answer_below(user, [question], _as_before(seen, ask))

    return once(user, ask, record)


def _as_before(seen: Message, ask: Ask) -> Ask:
    """As `seen`, or what was last said below it, was asked for, if it was drawn."""
    had: Generation | None = getattr(seen, "generation", None)
    if seen.role == "user":
        below = Generation.objects.filter(message__parent=seen.pk)
        had = below.order_by("-created").first()
    if had is None or not had.draws:
        return ask
    params = pictures.again(had.params)
    if (seed := ask.params.get("seed")) is not None:
        params["seed"] = seed
    return replace(ask, model=ask.model or had.model, params=params, draws=True)


def go_on(user: Any, message: UUID, ask: Ask) -> Generation:
    """An answer that was broken off, continued: a sibling that begins with its text.

    `ask.params` bound what is new: a longest answer, say, begins to count anew.
    """

    def record() -> Generation:
        seen = unfinished(user, message)
        question = seen.parent
        assert question is not None
        question.conversation = seen.conversation
        return answer_below(user, [question], ask, begun=seen)

    return once(user, ask, record)


def unfinished(user: Any, pk: UUID) -> Message:
    """An answer that can be continued, with its generation; or why it cannot."""
    seen = _message(user, pk)
    if seen.role != "assistant" or seen.parent is None:
        raise ChatError(
            _("Only answers can be continued."), code="not_continuable", field="message"
        )
    _check_idle(seen)
    job: Generation | None = getattr(seen, "generation", None)
    cut = job is not None and job.finish_reason == "length"
    if not (cut or seen.status in ("stopped", "failed")):
        raise ChatError(
            _("This answer is complete: it ends where the model ended it."),
            code="not_continuable",
            field="message",
        )
    if not (seen.content or seen.reasoning):
        raise ChatError(
            _("There is no text to go on from. Ask for another answer instead."),
            code="not_continuable",
            field="message",
        )
    return seen


def edit(user: Any, message: UUID, prompt: str, ask: Ask) -> Generation:
    """Another version of a user message, as its sibling, with its own answer: drawn, if
    its last one was."""
    asked = Asked(user, store=ask.store)
    prompt = asked.text(check_prompt(prompt), "prompt")

    def record() -> Generation:
        seen = _message(user, message)
        if seen.role != "user":
            raise ChatError(
                _("Only your own messages can be edited."),
                code="not_editable",
                field="message",
            )
        question = MESSAGES.new(
            conversation=seen.conversation,
            parent_id=seen.parent_id,
            role="user",
            content=prompt,
        )
        return asked.keep(answer_below(user, [question], _as_before(seen, ask)))

    return once(user, ask, record)


def _conversation(
    user: Any, prompt: str, pk: UUID | None, system_prompt: str | None
) -> Conversation:
    """Their own one, or a new one that is not stored yet."""
    if pk is None:
        return CONVERSATIONS.new(
            owner=user, title=title_from(prompt), system_prompt=system_prompt or ""
        )
    rows = Conversation.objects.owned_by(user).select_related("leaf")
    conversation = rows.filter(pk=pk).first()
    if conversation is None:
        raise NotFoundError("conversation")
    if system_prompt is not None:
        conversation.system_prompt = system_prompt
        conversation.save(update_fields=["system_prompt"])
    if not conversation.title:
        Conversation.objects.filter(pk=pk, title="").update(title=title_from(prompt))
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
    rows = Message.objects.owned_by(user).select_related(
        "conversation", "parent", "generation"
    )
    message = rows.filter(pk=pk).first()
    if message is None:
        raise NotFoundError("message")
    return message


def stop(user: Any, pk: UUID) -> Generation:
    """Ask a generation to end; a queued one ends here. Idempotent."""
    if not Generation.objects.owned_by(user).filter(pk=pk).exists():
        raise NotFoundError("generation")
    halt(pk)
    return load(pk)


def halt(pk: UUID) -> None:
    """Stop it, whosever it is."""
    rows = Generation.objects.filter(pk=pk)
    # First the wish, for whoever holds it or claims it just now.
    with write():
        rows.live().update(stop_requested=True)
    _end_unowned(rows.filter(status="queued"), "stopped", finish_reason="stopped")
    nudges.stop.send(str(pk))


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
    nudges.queue.send()  # another one of its user may run


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
        said = row.said
        row.refresh_from_db()
        settle([(row, said)])
    metrics.count_ended(row)
    nudges.ended.send(str(row.pk))
    nudges.conversation_changed(row.user_id, "updated", row.conversation_id)


def look_at(message: UUID, conversation: Conversation) -> None:
    """Make the newest branch below `message` the active path."""
    leaf = newest_leaf(message, conversation.pk)
    if leaf is not None:
        Conversation.objects.filter(pk=conversation.pk).update(leaf=leaf)
