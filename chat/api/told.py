"""Messages as programs send them, in any of the dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import ConfigDict, Field

from ..calls import Told
from ..engines.base import ChatMessage
from ..engines.registry import can, find_model
from ..errors import ChatError
from ..limits.offered import default_for
from .schemas import Text as StoredText
from .tools import NO_TOOLS, unsupported

Role = Literal["developer", "system", "user", "assistant", "tool"]
SYSTEM = ("developer", "system")
TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
JOINT = "\n\n"
CallId = Annotated[StoredText, Field(max_length=200)]


class Part(Schema):
    """`{"type": "text", "text": "…"}`; DashScope leaves the type out."""

    model_config = ConfigDict(extra="allow")
    type: str = "text"
    text: StoredText | None = None
    refusal: StoredText | None = None


class CalledIn(Schema):
    name: Annotated[StoredText, Field(min_length=1, max_length=128)]
    arguments: StoredText = ""


class ToolCallIn(Schema):
    id: CallId
    type: Literal["function"] = "function"
    function: CalledIn


class MessageIn(Schema):
    role: Role = "user"
    content: StoredText | list[Part] | None = None
    tool_calls: list[ToolCallIn] | None = None
    tool_call_id: CallId | None = None
    function_call: Any = None
    audio: Any = None

    def text(self, field: str) -> str:
        if isinstance(self.content, list):
            return "".join(text_of(part, field) for part in self.content)
        return self.content or ""

    def refuse(self, field: str, *, tools: bool) -> None:
        """What cannot be told to the engine."""
        if self.function_call:
            raise unsupported(f"{field}.function_call", INSTEAD_OF_FUNCTIONS)
        if self.audio:
            raise unsupported(f"{field}.audio", ONLY_TEXT)
        for name in ("tool_calls", "tool_call_id"):
            if getattr(self, name) and not tools:
                raise unsupported(f"{field}.{name}", NO_TOOLS)
        if self.role == "tool" and not tools:
            raise unsupported(f"{field}.role", NO_TOOLS)

    def stored(self, text: str) -> ChatMessage:
        role = "system" if self.role in SYSTEM else self.role
        message = ChatMessage(role=role, content=text)
        if role == "assistant" and self.tool_calls:
            message["tool_calls"] = [call.model_dump() for call in self.tool_calls]
        if role == "tool":
            message["tool_call_id"] = self.tool_call_id or ""
        return message


Messages = Annotated[list[MessageIn], Field(min_length=1)]


def text_of(part: Part, field: str) -> str:
    if part.type not in TEXT_PARTS:
        raise unsupported(field, ONLY_TEXT)
    return part.text or part.refusal or ""


def told(
    messages: Sequence[MessageIn], field: str = "messages", *, tools: bool
) -> Told:
    """The system messages at the head are the system prompt; one that comes later
    keeps its place. Messages that say nothing are left out, except the last.

    `tools`: whether the engine takes calls and what tools said.
    """
    texts: list[ChatMessage] = []
    system: list[str] = []
    for place, message in enumerate(messages):
        message.refuse(f"{field}.{place}", tools=tools)
        text = message.text(f"{field}.{place}.content")
        says = text or message.tool_calls or message.role == "tool"
        if message.role in SYSTEM and not texts:
            system.append(text)
        elif says or place == len(messages) - 1:
            texts.append(message.stored(text))
    return Told(JOINT.join(filter(None, system)), texts)


ONLY_TEXT = _("Only text is understood, no images or files.")
INSTEAD_OF_FUNCTIONS = _("Functions are out of date: use tools.")


def model_named(user: Any, name: str | None) -> str:
    """A model there is: the named one, or the user's default."""
    model = name or default_for(user)
    if find_model(model) is None:
        raise ChatError(
            _("There is no model of this name: %(name)s.") % {"name": model[:100]},
            code="model_not_found",
            field="model",
            status=404,
        )
    return model


def check_able(
    model: str, params: Mapping[str, Any], called: Mapping[str, str] | None = None
) -> None:
    """What not every engine takes, only to those that do. `called`: what parameters
    are called in the body, where it is something else."""
    asked = {
        "penalties": ("presence_penalty", "frequency_penalty"),
        "json": ("response_format",),
        "logit_bias": ("logit_bias",),
    }
    for ability, names in asked.items():
        for name in names:
            if params.get(name) and not can(model, ability):
                raise unsupported(
                    (called or {}).get(name, name),
                    _("The engine of this model does not take this parameter."),
                )
