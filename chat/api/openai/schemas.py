"""Bodies of chat completions, and what responses have in common with them.

Keys that are not here are ignored. `docs/api.md` lists what is supported, ignored and
refused.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from ...asking import Ask
from ..schemas import JsonObject, Sampling, Text
from ..told import (
    INSTEAD_OF_FUNCTIONS,
    ONLY_TEXT,
    Messages,
    check_able,
    model_named,
)
from ..tools import Offering, ToolIn, unsupported

Penalty = Annotated[float | None, Field(ge=-2, le=2)]
Bias = Annotated[float, Field(ge=-100, le=100)]
Effort = Annotated[Text | None, Field(max_length=20)]
NO_LOGPROBS = _("Log probabilities are not available.")
REFUSED = {
    "functions": INSTEAD_OF_FUNCTIONS,
    "function_call": INSTEAD_OF_FUNCTIONS,
    "logprobs": NO_LOGPROBS,
    "top_logprobs": NO_LOGPROBS,
    "audio": ONLY_TEXT,
    "web_search_options": _("There is no search."),
    "moderation": _("There is no moderation to be asked for."),
    "prompt": _("There are no stored prompts."),
    "conversation": _("Use previous_response_id."),
}
WRITTEN = ["text"]


class StreamOptions(Schema):
    include_usage: bool = False


class ResponseFormat(Schema):
    type: Literal["text", "json_object", "json_schema"] = "text"
    schema_: Annotated[JsonObject | None, Field(alias="json_schema")] = None

    def told(self, at: str) -> dict[str, Any] | None:
        if self.type == "text":
            return None
        if self.type == "json_schema" and "schema" not in (self.schema_ or {}):
            raise unsupported(at, _("A schema is missing."))
        return self.model_dump(exclude_none=True, by_alias=True)


class TemplateOptions(Schema):
    enable_thinking: StrictBool | None = None


class Asking(Sampling, Offering):
    """What chat completions and responses have in common."""

    called: ClassVar[dict[str, str]] = {}
    """Parameters that have another name in the body."""
    model: Annotated[Text | None, Field(max_length=200)] = None
    stream: bool | None = None
    store: bool | None = None
    enable_thinking: StrictBool | None = None
    chat_template_kwargs: TemplateOptions | None = None
    top_logprobs: Annotated[StrictInt | None, Field(ge=0, le=20)] = None
    moderation: Any = None

    @abstractmethod
    def effort(self) -> str | None:
        """How much to think: the engine's words, but for `none`."""

    def thinking(self) -> bool | None:
        if self.enable_thinking is not None:
            return self.enable_thinking
        told = self.chat_template_kwargs
        if told is not None and told.enable_thinking is not None:
            return told.enable_thinking
        return False if self.effort() == "none" else None

    def refuse(self) -> None:
        """What would change the answer, and cannot be done."""
        for name, why in REFUSED.items():
            if getattr(self, name, None):
                raise unsupported(name, why)

    def ask(
        self, user: Any, key: str | None, tools: list[dict[str, Any]], **more: Any
    ) -> Ask:
        self.refuse()
        model = model_named(user, self.model)
        effort = self.effort()
        params = {
            **self.sampling(),
            "thinking": self.thinking(),
            "reasoning_effort": effort if effort != "none" else None,
            **self.offered(model, tools),
            **more,
        }
        params = {name: value for name, value in params.items() if value is not None}
        check_able(model, params, self.called)
        return Ask(model, params, key, store=self.store is not False)


def check_bound(name: str, tokens: int | None) -> None:
    limit = settings.CHAT_MAX_NEW_TOKENS
    if tokens and tokens > limit:
        text = _("At most %(limit)d are allowed.") % {"limit": limit}
        raise unsupported(name, text)


class ChatCompletionIn(Asking):
    messages: Messages
    tools: list[ToolIn] | None = None
    max_completion_tokens: Annotated[StrictInt | None, Field(ge=1)] = None
    stream_options: StreamOptions | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    logit_bias: Annotated[dict[str, Bias] | None, Field(max_length=1024)] = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort = None
    n: StrictInt | None = None
    functions: Any = None
    function_call: Any = None
    logprobs: bool | None = None
    modalities: list[str] | None = None
    audio: Any = None
    web_search_options: Any = None

    def effort(self) -> str | None:
        return self.reasoning_effort

    def refuse(self) -> None:
        super().refuse()
        if self.n not in (None, 1):
            raise unsupported("n", _("One answer at a time."))
        if self.modalities not in (None, WRITTEN):
            raise unsupported("modalities", ONLY_TEXT)
        if self.web_search_options is not None:
            raise unsupported("web_search_options", REFUSED["web_search_options"])
        if self.stream_options is not None and not self.stream:
            raise unsupported("stream_options", _("Only for a stream."))
        for place, message in enumerate(self.messages):
            if message.role == "tool" and not message.tool_call_id:
                field = f"messages.{place}.tool_call_id"
                raise unsupported(field, _("Say which call it answers."))
        check_bound("max_completion_tokens", self.max_completion_tokens)

    def asked(self, user: Any, key: str | None) -> Ask:
        form = self.response_format
        return self.ask(
            user,
            key,
            [tool.told() for tool in self.tools or ()],
            max_tokens=self.max_completion_tokens or self.max_tokens,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            logit_bias=self.logit_bias or None,
            response_format=form.told("response_format") if form else None,
        )
