"""Bodies of `/v1/responses`: input items, flat tools, a text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import Field, StrictInt

from ...asking import Ask
from ...engines.base import ChatMessage
from ..schemas import JsonObject, Text
from ..told import CalledIn, CallId, MessageIn, Part, ToolCallIn
from ..tools import FunctionIn, Name, ToolIn, unsupported
from .schemas import NO_LOGPROBS, Asking, Effort, ResponseFormat, check_bound

LOGPROBS = "message.output_text.logprobs"
ITEMS = ("message", "function_call", "function_call_output")
SILENT = ("reasoning",)
"""Items of an earlier answer that say nothing an engine is told."""
MAX_METADATA = 16


class InputItem(MessageIn):
    """A message, a call, or what a tool answered."""

    type: Annotated[Text, Field(max_length=64)] = "message"
    call_id: CallId | None = None
    name: Name | None = None
    arguments: Text = ""
    output: Text | list[Part] | None = None


class FlatTool(Schema):
    """A function, as responses describe it."""

    type: Annotated[Text, Field(max_length=64)] = "function"
    name: Name | None = None
    description: Text | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None

    def told(self, at: str) -> dict[str, Any]:
        if self.type != "function":
            raise unsupported(f"{at}.type", _("Only functions can be called."))
        if self.name is None:
            raise unsupported(f"{at}.name", _("A function has a name."))
        described = FunctionIn(
            name=self.name,
            description=self.description,
            parameters=self.parameters,
            strict=self.strict,
        )
        return ToolIn(function=described).told()


class TextFormat(Schema):
    """As `response_format` of chat completions, but flat."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: Annotated[Text | None, Field(max_length=128)] = None
    description: Text | None = None
    schema_: Annotated[JsonObject | None, Field(alias="schema")] = None
    strict: bool | None = None

    def told(self) -> dict[str, Any] | None:
        described = self.model_dump(exclude_none=True, by_alias=True, exclude={"type"})
        form = ResponseFormat(type=self.type, json_schema=described or None)  # type: ignore[call-arg]
        return form.told("text.format")


class TextIn(Schema):
    format: TextFormat | None = None


class Reasoning(Schema):
    effort: Effort = None


Metadata = Annotated[
    dict[Annotated[Text, Field(max_length=64)], Annotated[Text, Field(max_length=512)]],
    Field(max_length=MAX_METADATA),
]


class ResponseIn(Asking):
    called: ClassVar[dict[str, str]] = {"response_format": "text.format"}
    input: Text | Annotated[list[InputItem], Field(min_length=1)]
    tools: list[FlatTool] | None = None
    instructions: Text | None = None
    background: bool | None = None
    previous_response_id: Annotated[Text | None, Field(max_length=200)] = None
    max_output_tokens: Annotated[StrictInt | None, Field(ge=1)] = None
    metadata: Metadata | None = None
    text: TextIn | None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = None
    conversation: Any = None
    prompt: Any = None

    def effort(self) -> str | None:
        return self.reasoning.effort if self.reasoning else None

    def refuse(self) -> None:
        super().refuse()
        if self.background and self.store is False:
            text = _("What runs in the background must be stored.")
            raise unsupported("background", text)
        if LOGPROBS in (self.include or ()):
            raise unsupported("include", NO_LOGPROBS)
        check_bound("max_output_tokens", self.max_output_tokens)

    def messages(self) -> list[MessageIn]:
        """A message for each item."""
        if isinstance(self.input, str):
            return [MessageIn(role="user", content=self.input)]
        return [
            message_of(item, f"input.{place}") for place, item in enumerate(self.input)
        ]

    def offered_tools(self) -> Iterator[dict[str, Any]]:
        for place, tool in enumerate(self.tools or ()):
            yield tool.told(f"tools.{place}")

    def asked(self, user: Any, key: str | None) -> Ask:
        """`call` is for showing the response again, not for the engine."""
        form = self.text.format if self.text else None
        return self.ask(
            user,
            key,
            list(self.offered_tools()),
            max_tokens=self.max_output_tokens or self.max_tokens,
            response_format=form.told() if form else None,
            call={
                "background": bool(self.background),
                "metadata": self.metadata or {},
                "previous_response_id": self.previous_response_id,
            },
        )


def message_of(item: InputItem, at: str) -> MessageIn:
    if item.type == "message":
        return item
    if item.type in SILENT:
        return MessageIn(role="assistant")
    if item.type not in ITEMS:
        raise unsupported(f"{at}.type", _("Only messages, and calls of functions."))
    if not item.call_id:
        raise unsupported(f"{at}.call_id", _("Say which call it is about."))
    if item.type == "function_call_output":
        content = "" if item.output is None else item.output
        return MessageIn(role="tool", content=content, tool_call_id=item.call_id)
    if item.name is None:
        raise unsupported(f"{at}.name", _("A function has a name."))
    called = CalledIn(name=item.name, arguments=item.arguments)
    call = ToolCallIn(id=item.call_id, function=called)
    return MessageIn(role="assistant", tool_calls=[call])


def together(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Calls that follow each other, or a text, are of one answer."""
    said: list[ChatMessage] = []
    for message in messages:
        calls, last = message.get("tool_calls"), said[-1] if said else None
        if calls and last is not None and last["role"] == "assistant":
            earlier = last.get("tool_calls") or []
            content = last["content"] + message["content"]
            joint = ChatMessage(role="assistant", content=content)
            said[-1] = {**joint, "tool_calls": [*earlier, *calls]}
        else:
            said.append(message)
    return said
