"""Calls of programs: a conversation that brings its own history.

Each call is stored as a conversation of its own, marked as the API's, whose path is
the messages it came with. One transaction, a few statements, whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from .asking import Ask, answer_below, check_prompt, once
from .conversations import HISTORY_MESSAGES, as_told, path_to
from .engines.base import ChatMessage
from .errors import ChatError
from .models import Conversation, Generation, Message
from .records import CONVERSATIONS, MESSAGES
from .screening.prompts import Asked
from .titles import title_from

ASKING = ("user", "tool")


@dataclass(frozen=True, slots=True)
class Told:
    """What a call brings: a system prompt and messages, the last one a question."""

    system_prompt: str
    messages: Sequence[ChatMessage]


def start(user: Any, ask: Ask, told: Told, field: str = "messages") -> Generation:
    """Store the messages and queue their answer. `field` is what errors name."""
    check(told, field)
    asked = Asked(user, store=ask.store)
    told = passed(asked, told, field)

    def record() -> Generation:
        conversation = CONVERSATIONS.new(
            owner=user,
            source="api",
            title=title_from(question(told)),
            system_prompt=told.system_prompt,
        )
        path = chain(conversation, told.messages)
        return asked.keep(answer_below(user, path, ask))

    return once(user, ask, record, action="")


def passed(asked: Asked, told: Told, field: str) -> Told:
    """As the guard lets it through. What an assistant said was no question."""
    messages = [message.copy() for message in told.messages]
    for message in messages:
        if message["role"] != "assistant":
            message["content"] = asked.text(message["content"], field)
    return Told(asked.system(told.system_prompt, field), messages)


def question(told: Told) -> str:
    """What was asked last; behind it there may be tools that answered."""
    asked = [text for text in told.messages if text["role"] == "user"]
    return (asked or told.messages)[-1]["content"]


def chain(conversation: Conversation, messages: Sequence[ChatMessage]) -> list[Message]:
    path: list[Message] = []
    for message in messages:
        above = path[-1] if path else None
        path.append(MESSAGES.new(conversation=conversation, parent=above, **message))
    return path


def check(told: Told, field: str) -> None:
    if not told.messages or told.messages[-1]["role"] not in ASKING:
        raise ChatError(
            _("The last message must be the user's."), code="invalid_value", field=field
        )
    if len(told.messages) > HISTORY_MESSAGES:
        text = _("At most %(limit)d messages are taken.") % {"limit": HISTORY_MESSAGES}
        raise ChatError(text, code="too_many_messages", field=field)
    limit = settings.CHAT_MAX_PROMPT_CHARS
    longest = max(size(message) for message in told.messages)
    if max(longest, len(told.system_prompt)) > limit:
        text = _("A message may have %(limit)d characters.") % {"limit": limit}
        raise ChatError(text, code="prompt_too_long", field=field)
    if told.messages[-1]["role"] == "user":
        check_prompt(told.messages[-1]["content"])


def size(message: ChatMessage) -> int:
    calls = message.get("tool_calls") or ()
    return len(message["content"]) + sum(
        len(call["function"]["name"] + call["function"]["arguments"]) for call in calls
    )


def history_of(generation: Generation) -> Told:
    """What was said up to this generation's answer, as a call could bring it."""
    path = path_to(
        generation.message_id, generation.conversation_id, HISTORY_MESSAGES - 1
    )
    told = [message for row in path if (message := as_told(row)) is not None]
    return Told(generation.conversation.system_prompt, told)
