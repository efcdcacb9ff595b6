"""Bodies and answers of the native API, as the documentation shows them."""

from __future__ import annotations

import re
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictInt,
    field_validator,
)

from ..engines.base import StateName
from ..models.tag import MAX_TAGS, TAG_CHARS

SURROGATE = re.compile("[\ud800-\udfff]")


def without_nul(value: Any) -> Any:
    """PostgreSQL takes no NUL in a text."""
    return value.replace("\0", "") if isinstance(value, str) else value


def whole_characters(value: str) -> str:
    """Half of a surrogate pair, which JSON can say, has no place in any database."""
    if not value.isascii() and SURROGATE.search(value):
        raise ValueError(_("The text has half of a character (a lone surrogate)."))
    return value


def storable(value: Any) -> Any:
    """A JSON value as every database takes it."""
    if isinstance(value, str):
        return whole_characters(value.replace("\0", ""))
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(_("A number is too large."))
    if isinstance(value, dict):
        return {storable(name): storable(part) for name, part in value.items()}
    return [storable(part) for part in value] if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(without_nul), AfterValidator(whole_characters)]
JsonObject = Annotated[dict[str, Any], AfterValidator(storable)]
Number = Annotated[float, Strict()]
"""A JSON number: no text, no true."""
StopString = Annotated[Text, Field(min_length=1, max_length=200)]


class Body(Schema):
    """A typing error in a key is an error, not a silently ignored wish."""

    model_config = ConfigDict(extra="forbid")


class Sampling(Schema):
    """Parameters that every dialect knows."""

    temperature: Annotated[Number | None, Field(ge=0, le=2)] = None
    top_p: Annotated[Number | None, Field(gt=0, le=1)] = None
    top_k: Annotated[StrictInt | None, Field(ge=1, le=100_000)] = None
    min_p: Annotated[Number | None, Field(ge=0, le=1)] = None
    repetition_penalty: Annotated[Number | None, Field(ge=0.1, le=10)] = None
    max_tokens: Annotated[StrictInt | None, Field(ge=1)] = None
    stop: list[StopString] | StopString | None = None
    seed: Annotated[StrictInt | None, Field(ge=0, lt=2**63)] = None

    @field_validator("max_tokens")
    @classmethod
    def is_allowed(cls, value: int | None) -> int | None:
        limit = settings.CHAT_MAX_NEW_TOKENS
        if value is not None and value > limit:
            raise ValueError(_("At most %(limit)d are allowed.") % {"limit": limit})
        return value

    @field_validator("stop")
    @classmethod
    def as_list(cls, value: list[str] | str | None) -> list[str] | None:
        if value is None:
            return None
        strings = [value] if isinstance(value, str) else value
        if not 1 <= len(strings) <= 4:
            raise ValueError(_("One to four stop strings are allowed."))
        return strings

    def sampling(self) -> dict[str, Any]:
        """What an engine is told, as it is stored."""
        return self.model_dump(exclude_none=True, include=set(Sampling.model_fields))


class ParamsIn(Sampling, Body):
    thinking: StrictBool | None = None
    chunking: Literal["token", "sentence"] | None = None

    def stored(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class AnswerIn(Body):
    """How to answer: for regenerating, and part of every other request."""

    model: Annotated[str | None, Field(max_length=200)] = None
    params: ParamsIn = ParamsIn()

    @field_validator("params", mode="before")
    @classmethod
    def none_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class EditIn(AnswerIn):
    prompt: Text


class ChatIn(EditIn):
    conversation: UUID | None = None
    parent: UUID | None = None
    system_prompt: Annotated[Text | None, Field(max_length=32_000)] = None


TagName = Annotated[Text, Field(min_length=1, max_length=TAG_CHARS)]


class ConversationIn(Body):
    """`params` are the conversation's own: each question may say otherwise."""

    title: Annotated[Text, Field(max_length=200)] = ""
    model: Annotated[str | None, Field(max_length=200)] = None
    system_prompt: Annotated[Text, Field(max_length=32_000)] = ""
    params: ParamsIn = ParamsIn()


class ConversationPatch(Body):
    title: Annotated[Text | None, Field(max_length=200)] = None
    model: Annotated[str | None, Field(max_length=200)] = None
    system_prompt: Annotated[Text | None, Field(max_length=32_000)] = None
    params: ParamsIn | None = None
    pinned: StrictBool | None = None
    archived: StrictBool | None = None
    tags: Annotated[list[TagName] | None, Field(max_length=MAX_TAGS)] = None


class FeedbackIn(Body):
    rating: Literal[-1, 0, 1]
    comment: Annotated[Text, Field(max_length=2000)] = ""


Scope = Literal["chat", "read"]


class KeyIn(Body):
    name: Annotated[Text, Field(max_length=100)] = ""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = ["chat", "read"]
    expires: AwareDatetime | None = None


class ShareIn(Body):
    """`reasoning`: whether readers see the model's thoughts too."""

    reasoning: StrictBool = False


class Usage(Schema):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Timing(Schema):
    queue_ms: int | None
    ttft_ms: int | None
    thinking_ms: int | None
    total_ms: int | None
    tokens_per_second: float | None


class ChatOut(Schema):
    conversation: UUID
    user_message: UUID
    message: UUID
    generation: UUID
    response: str
    reasoning: str
    finish_reason: str
    usage: Usage
    timing: Timing


class GenerationError(Schema):
    code: str
    message: str
    retryable: bool


class CalledFunction(Schema):
    name: str
    arguments: str


class ToolCallOut(Schema):
    id: str
    type: Literal["function"]
    function: CalledFunction


class GenerationOut(Schema):
    id: UUID
    conversation: UUID
    message: UUID
    status: Literal["queued", "running", "done", "stopped", "failed"]
    model: str
    attempt: int
    text: str
    reasoning: str
    tool_calls: list[ToolCallOut] | None
    finish_reason: str | None
    usage: Usage
    timing: Timing
    error: GenerationError | None


class ConversationOut(Schema):
    id: UUID
    title: str
    model: str
    system_prompt: str
    params: dict[str, Any]
    pinned: bool
    archived: bool
    created: datetime
    updated: datetime
    running: bool
    leaf: UUID | None
    tags: list[str]


class Snippet(Schema):
    """A piece of a message, or of the title (then `message` is null), and where in it
    the words are: [begin, end) in code points."""

    message: UUID | None
    text: str
    ranges: list[tuple[int, int]]


class FoundOut(ConversationOut):
    """`snippets`: with `?q=` only."""

    snippets: list[Snippet]


class ConversationPage(Schema):
    items: list[FoundOut | ConversationOut]
    next: str | None


class TagOut(Schema):
    name: str


class TagPage(Schema):
    items: list[TagOut]
    next: str | None = None


class MessageOut(Schema):
    id: UUID
    parent: UUID | None
    role: str
    content: str
    reasoning: str
    tool_calls: list[ToolCallOut] | None
    tool_call_id: str | None
    status: str
    generation: UUID | None
    finish_reason: str | None
    error: GenerationError | None
    model: str | None
    usage: Usage | None
    timing: Timing | None
    siblings: list[UUID]
    rating: int
    comment: str
    created: datetime


class MessagePage(Schema):
    items: list[MessageOut]
    next: str | None


class ModelOut(Schema):
    id: str
    label: str
    default: bool
    demo: bool
    context_tokens: int | None
    continues: bool
    state: StateName | None


class ModelPage(Schema):
    items: list[ModelOut]
    next: str | None = None


class KeyOut(Schema):
    id: int
    name: str
    scopes: list[Scope]
    prefix: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None

    @field_validator("scopes", mode="before")
    @classmethod
    def as_list(cls, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value


class NewKeyOut(KeyOut):
    key: str


class KeyPage(Schema):
    items: list[KeyOut]
    next: str | None = None


class ShareOut(Schema):
    id: UUID
    url: str
    token: str
    conversation: UUID
    title: str
    messages: int
    reasoning: bool
    created: datetime
    updated: datetime


class SharePage(Schema):
    items: list[ShareOut]
    next: str | None = None


class ContextOut(Schema):
    """About how many tokens; see `chat.context.Outlook`."""

    model: str
    context_tokens: int | None
    reserved_tokens: int
    used_tokens: int
    first_sent: UUID | None
    cut: bool


class ImportProblem(Schema):
    field: str
    message: str


class ImportOut(Schema):
    imported: int
    unchanged: int
    messages: int
    skipped: int
    problems: list[ImportProblem]


class ErrorBody(Schema):
    code: str
    message: str
    field: str | None = None


class ErrorOut(Schema):
    error: ErrorBody
