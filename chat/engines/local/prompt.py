"""Messages to prompt ids that fit into the model's context."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chat.engines.base import ChatMessage, EngineError
from chat.engines.templates import joined, takes_tools
from chat.engines.thinking import OPEN

Tools = list[dict[str, Any]] | None
JOINT = "\n\n"
PROBE = "speak plainly"
LEAST_REPLY = 64
"""A prompt that leaves less room for the reply is too long."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`room`: tokens left for the reply. `opened`: it ends with a thinking tag."""

    ids: list[int]
    room: int
    opened: bool


class Prompter:
    """Renders and tokenises; slow for long texts, so call it in a thread.

    A model without a chat template gets plain text: the system prompt, then
    `User: …` and `Assistant: …` paragraphs; `stop` keeps it from going on as User.
    """

    def __init__(self, tokenizer: Any, *, context: int, vocabulary: int) -> None:
        self._tokenizer = tokenizer
        self._context = context
        self._vocabulary = vocabulary
        template = getattr(tokenizer, "chat_template", None)
        self._template = bool(template)
        self.takes_tools = takes_tools(joined(template))
        self._takes_system = self._template and self._tells_system()

    @property
    def stop(self) -> tuple[str, ...]:
        return () if self._template else ("\nUser:",)

    def fit(
        self,
        messages: Sequence[ChatMessage],
        reserve: int,
        thinking: bool | None,
        tools: Tools = None,
    ) -> Prompt:
        """The prompt with as many of the latest turns as leave `reserve` tokens.

        The system prompt and the last user turn always stay; the last turn may
        leave less than `reserve`, so long as a short reply fits. Of a long
        conversation O(log n) prefixes are tried. Raises `prompt_too_long`.
        """
        system, turns = split(messages)
        first, last = 0, len(turns) - 1
        fitting: Prompt | None = None
        while first <= last:
            middle = (first + last) // 2 if first else 0  # mostly all of it fits
            kept = [*system, *(m for turn in turns[middle:] for m in turn)]
            needed = reserve if middle < len(turns) - 1 else min(reserve, LEAST_REPLY)
            prompt = self.encode(kept, thinking, tools)
            if prompt.room >= needed:
                fitting, last = prompt, middle - 1
            else:
                first = middle + 1
        if fitting is None:
            raise EngineError(
                "prompt_too_long",
                f"The message is too long for this model: {self._context} tokens"
                " must hold it and the answer.",
            )
        return fitting

    def encode(
        self,
        messages: Sequence[ChatMessage],
        thinking: bool | None,
        tools: Tools = None,
    ) -> Prompt:
        text = self._render(messages, thinking, tools)
        ids = self.tokens(text, special=not self._template)
        if not ids:
            raise EngineError("invalid_messages", "The prompt is empty.")
        opened = text.rstrip().endswith(OPEN)
        return Prompt(ids, self._context - len(ids), opened)

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        # Half a surrogate pair is no text to a tokenizer.
        text = text.encode("utf-8", "replace").decode()
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=special)
        self.check(ids)
        return ids

    def check(self, ids: Sequence[int]) -> None:
        """An id outside the model's embedding would kill the worker."""
        if ids and not 0 <= min(ids) <= max(ids) < self._vocabulary:
            raise EngineError(
                "invalid_tokens", "The tokenizer does not belong to this model."
            )

    def _render(
        self, messages: Sequence[ChatMessage], thinking: bool | None, tools: Tools
    ) -> str:
        if not self._template:
            return plain(messages)
        options: dict[str, Any] = {"tools": tools} if tools else {}
        if thinking is not None:
            options["enable_thinking"] = thinking
        told = list(map(with_objects, messages))
        if not self._takes_system:
            told = without_system(told)
        try:
            return self._apply(told, options)
        except Exception as error:  # templates raise whatever their authors chose
            # Many insist on turns that alternate; a stopped answer leaves two of one.
            with suppress(Exception):
                return self._apply(alternating(told), options)
            raise EngineError(
                "invalid_messages", f"The model's template refuses them: {error}"
            ) from error

    def _apply(self, messages: list[ChatMessage], options: dict[str, Any]) -> str:
        text: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **options
        )
        return text

    def _tells_system(self) -> bool:
        """Some templates refuse a system message, some leave it out."""
        system = ChatMessage(role="system", content=PROBE)
        try:
            return PROBE in self._apply([system, user("Hello")], {})
        except Exception:  # whatever their authors chose
            return False


def user(content: str) -> ChatMessage:
    return ChatMessage(role="user", content=content)


def with_objects(message: ChatMessage) -> ChatMessage:
    """Calls of tools as templates expect them: arguments as what they say."""
    if not message.get("tool_calls"):
        return message
    calls = [
        {**call, "function": {**call["function"], "arguments": arguments_of(call)}}
        for call in message["tool_calls"] or ()
    ]
    return {**message, "tool_calls": calls}


def arguments_of(call: dict[str, Any]) -> Any:
    text = call["function"]["arguments"]
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text


def without_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """What system messages say goes before the user's words that follow them."""
    found: list[ChatMessage] = []
    said: list[str] = []
    for message in messages:
        if message["role"] == "system":
            said.append(message["content"])
        elif message["role"] == "user" and said:
            found.append(user(JOINT.join([*said, message["content"]])))
            said = []
        else:
            found.append(message)
    return [*found, user(JOINT.join(said))] if said else found


def alternating(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Neighbours that say something in one role become one message."""
    found: list[ChatMessage] = []
    for message in messages:
        last = found[-1] if found else None
        same = last is not None and last["role"] == message["role"]
        if last is None or not same or set(last) | set(message) != {"role", "content"}:
            found.append(message)
        else:
            content = JOINT.join((last["content"], message["content"]))
            found[-1] = ChatMessage(role=message["role"], content=content)
    return found


def split(
    messages: Sequence[ChatMessage],
) -> tuple[list[ChatMessage], list[list[ChatMessage]]]:
    """The leading system messages, and the turns, each from a user message on."""
    system: list[ChatMessage] = []
    turns: list[list[ChatMessage]] = []
    for message in messages:
        if not isinstance(message.get("content"), str):
            raise EngineError("invalid_messages", "A message's content must be text.")
        if message.get("role") == "system" and not turns:
            system.append(message)
        elif message.get("role") == "user" or not turns:
            turns.append([message])
        else:
            turns[-1].append(message)
    if not turns:
        raise EngineError("invalid_messages", "There is no user message.")
    return system, turns


def plain(messages: Sequence[ChatMessage]) -> str:
    paragraphs = [
        message["content"]
        if message["role"] == "system"
        else f"{message['role'].capitalize()}: {message['content']}"
        for message in messages
    ]
    return "\n\n".join([*paragraphs, "Assistant:"])
