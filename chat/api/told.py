"""Messages as programs send them, in any of the dialects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import ConfigDict, Field

from ..calls import Told
from ..engines.base import ChatMessage
from ..engines.registry import default_model, find_model
from ..errors import ChatError, Text
from .schemas import Text as StoredText

Role = Literal["developer", "system", "user", "assistant", "tool", "function"]
SYSTEM = ("developer", "system")
TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
JOINT = "\n\n"


class Part(Schema):
    """`{"type": "text", "text": "…"}`; DashScope leaves the type out."""

    model_config = ConfigDict(extra="allow")
    type: str = "text"
    text: StoredText | None = None
    refusal: StoredText | None = None


class MessageIn(Schema):
    role: Role = "user"
    content: StoredText | list[Part] | None = None
    tool_calls: list[Any] | None = None

    def text(self, field: str) -> str:
        if isinstance(self.content, list):
            return "".join(text_of(part, field) for part in self.content)
        return self.content or ""


Messages = Annotated[list[MessageIn], Field(min_length=1)]


def text_of(part: Part, field: str) -> str:
    if part.type not in TEXT_PARTS:
        raise unsupported(field, _("Only text is understood, no images or files."))
    return part.text or part.refusal or ""


def told(messages: Sequence[MessageIn], field: str = "messages") -> Told:
    """The system messages at the head are the system prompt; one that comes later
    keeps its place. Empty messages are left out, except the last."""
    texts: list[ChatMessage] = []
    system: list[str] = []
    for place, message in enumerate(messages):
        if message.tool_calls:
            raise unsupported(f"{field}.{place}.tool_calls", NO_TOOLS)
        text = message.text(f"{field}.{place}.content")
        if message.role in SYSTEM and not texts:
            system.append(text)
        elif text or place == len(messages) - 1:
            texts.append(ChatMessage(role=stored_role(message.role), content=text))
    return Told(JOINT.join(filter(None, system)), texts)


def stored_role(role: str) -> str:
    if role in SYSTEM:
        return "system"
    return "tool" if role == "function" else role


NO_TOOLS = _("Tools are not supported here.")


def unsupported(field: str, message: Text) -> ChatError:
    return ChatError(message, code="unsupported_parameter", field=field)


def model_named(name: str | None) -> str:
    """A model there is: the named one, or the default."""
    model = name or default_model()
    if find_model(model) is None:
        raise ChatError(
            _("There is no model of this name: %(name)s.") % {"name": model[:100]},
            code="model_not_found",
            field="model",
            status=404,
        )
    return model


def can(model: str, what: str) -> bool:
    info = find_model(model)
    return info is not None and what in info.can


def check_able(model: str, params: dict[str, Any]) -> None:
    """What not every engine takes, only to those that do."""
    asked = {
        "penalties": ("presence_penalty", "frequency_penalty"),
        "json": ("response_format",),
    }
    for ability, names in asked.items():
        for name in names:
            if params.get(name) and not can(model, ability):
                raise unsupported(
                    name, _("The engine of this model does not take this parameter.")
                )
