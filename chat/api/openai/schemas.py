"""Bodies of the OpenAI dialect. Keys that are not here are ignored.

`docs/api.md` lists what is supported, ignored and refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from ...asking import Ask
from ..schemas import Sampling, Text
from ..told import (
    NO_TOOLS,
    MessageIn,
    Messages,
    check_able,
    model_named,
    unsupported,
)

Penalty = Annotated[float | None, Field(ge=-2, le=2)]
REFUSED = {
    "tools": NO_TOOLS,
    "functions": NO_TOOLS,
    "logprobs": _("Log probabilities are not available."),
    "top_logprobs": _("Log probabilities are not available."),
    "logit_bias": _("A bias on tokens is not available."),
    "audio": _("Only text is understood and written."),
    "web_search_options": NO_TOOLS,
}
WRITTEN = ["text"]


class StreamOptions(Schema):
    include_usage: bool = False


class ResponseFormat(Schema):
    type: Literal["text", "json_object", "json_schema"] = "text"
    schema_: dict[str, Any] | None = Field(default=None, alias="json_schema")


class TemplateOptions(Schema):
    enable_thinking: StrictBool | None = None


class Asking(Sampling):
    """What chat completions and responses have in common."""

    model: Annotated[Text | None, Field(max_length=200)] = None
    stream: bool | None = None
    store: bool | None = None
    enable_thinking: StrictBool | None = None
    chat_template_kwargs: TemplateOptions | None = None
    tools: list[Any] | None = None

    def thinking(self) -> bool | None:
        if self.enable_thinking is None and self.chat_template_kwargs:
            return self.chat_template_kwargs.enable_thinking
        return self.enable_thinking

    def refuse(self) -> None:
        """What would change the answer, and cannot be done."""
        for name, why in REFUSED.items():
            if getattr(self, name, None):
                raise unsupported(name, why)

    def ask(self, key: str | None, **more: Any) -> Ask:
        self.refuse()
        model = model_named(self.model)
        params = {**self.sampling(), "thinking": self.thinking(), **more}
        params = {name: value for name, value in params.items() if value is not None}
        check_able(model, params)
        return Ask(model, params, key, store=self.store is not False)


class ChatCompletionIn(Asking):
    messages: Messages
    max_completion_tokens: Annotated[StrictInt | None, Field(ge=1)] = None
    stream_options: StreamOptions | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    n: StrictInt | None = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None

    def refuse(self) -> None:
        super().refuse()
        if self.n not in (None, 1):
            raise unsupported("n", _("One answer at a time."))
        if self.modalities not in (None, WRITTEN):
            raise unsupported("modalities", REFUSED["audio"])
        if self.stream_options is not None and not self.stream:
            raise unsupported("stream_options", _("Only for a stream."))
        limit = settings.CHAT_MAX_NEW_TOKENS
        if self.max_completion_tokens and self.max_completion_tokens > limit:
            text = _("At most %(limit)d are allowed.") % {"limit": limit}
            raise unsupported("max_completion_tokens", text)

    def thinking(self) -> bool | None:
        """`reasoning_effort` switches it off; its other values are the engine's."""
        said = super().thinking()
        return False if said is None and self.reasoning_effort == "none" else said

    def params(self) -> dict[str, Any]:
        form = self.response_format
        return {
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "response_format": form.model_dump(exclude_none=True, by_alias=True)
            if form and form.type != "text"
            else None,
        }


class InputItem(MessageIn):
    type: str = "message"


class TextFormat(Schema):
    format: ResponseFormat | None = None


class Reasoning(Schema):
    effort: str | None = None


class ResponseIn(Asking):
    input: Text | Annotated[list[InputItem], Field(min_length=1)]
    instructions: Text | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    max_output_tokens: Annotated[StrictInt | None, Field(ge=1)] = None
    metadata: dict[str, Annotated[str, Field(max_length=512)]] | None = None
    text: TextFormat | None = None
    reasoning: Reasoning | None = None
    conversation: Any = None

    def refuse(self) -> None:
        super().refuse()
        if self.conversation:
            raise unsupported("conversation", _("Use previous_response_id."))
        if self.background and self.store is False:
            text = _("What runs in the background must be stored.")
            raise unsupported("background", text)
        if self.text and self.text.format and self.text.format.type != "text":
            raise unsupported("text.format", _("Only text is written here."))
        for place, item in enumerate(self.items()):
            if item.type != "message":
                raise unsupported(f"input.{place}.type", _("Only messages."))
        limit = settings.CHAT_MAX_NEW_TOKENS
        if self.max_output_tokens and self.max_output_tokens > limit:
            why = _("At most %(limit)d are allowed.") % {"limit": limit}
            raise unsupported("max_output_tokens", why)

    def items(self) -> list[InputItem]:
        if isinstance(self.input, str):
            return [InputItem(role="user", content=self.input)]
        # A reasoning item of an earlier answer says nothing an engine is told.
        return [item for item in self.input if item.type != "reasoning"]

    def thinking(self) -> bool | None:
        said = super().thinking()
        effort = self.reasoning.effort if self.reasoning else None
        return False if said is None and effort == "none" else said

    def params(self) -> dict[str, Any]:
        """`call` is for showing the response again, not for the engine."""
        return {
            "max_tokens": self.max_output_tokens or self.max_tokens,
            "call": {
                "background": bool(self.background),
                "metadata": self.metadata or {},
                "previous_response_id": self.previous_response_id,
            },
        }
