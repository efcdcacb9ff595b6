"""Answers of the native API, as the documentation shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import field_validator

from ..engines.base import Kind, StateName
from .schemas import Scope


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


class ImageOut(Schema):
    """`url` and `thumbnail` are addresses here, for the owner's session or key."""

    id: UUID
    url: str
    thumbnail: str
    width: int
    height: int
    content_type: str
    alt: str
    seed: int


class CanvasOut(Schema):
    """What is, or was, to be drawn: `n` pictures of so many pixels."""

    width: int
    height: int
    n: int


class ImagesOut(Schema):
    conversation: UUID
    user_message: UUID
    message: UUID
    generation: UUID
    finish_reason: str
    images: list[ImageOut]
    usage: Usage
    timing: Timing


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
    images: list[ImageOut]
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
    images: list[ImageOut]
    drawing: CanvasOut | None
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
    """`kind`: what it makes. `default`: of its kind."""

    id: str
    label: str
    kind: Kind
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
