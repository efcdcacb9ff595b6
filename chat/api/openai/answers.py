"""What the OpenAI dialect answers, as the documentation shows it."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema

from ..shown import ToolCallOut

Json = dict[str, Any]
Reason = Literal["stop", "length", "tool_calls", "content_filter"]
Status = Literal[
    "queued", "in_progress", "completed", "incomplete", "failed", "cancelled"
]


class OpenAIErrorBody(Schema):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Schema):
    error: OpenAIErrorBody


class OpenAIModel(Schema):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModels(Schema):
    object: Literal["list"]
    data: list[OpenAIModel]


class CompletionMessage(Schema):
    """`reasoning_content` and `tool_calls` only where there are any."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning_content: str = ""
    tool_calls: list[ToolCallOut] = []


class CompletionChoice(Schema):
    index: int
    message: CompletionMessage
    logprobs: None
    finish_reason: Reason


class CompletionUsage(Schema):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(Schema):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage


class OutputText(Schema):
    type: Literal["output_text"]
    text: str
    annotations: list[Json]
    logprobs: list[Json]


class OutputMessage(Schema):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Literal["in_progress", "completed", "incomplete"]
    content: list[OutputText]


class ReasoningText(Schema):
    type: Literal["reasoning_text"]
    text: str


class OutputReasoning(Schema):
    id: str
    type: Literal["reasoning"]
    status: Literal["in_progress", "completed", "incomplete"]
    summary: list[Json]
    content: list[ReasoningText]


class OutputCall(Schema):
    id: str
    type: Literal["function_call"]
    status: Literal["in_progress", "completed", "incomplete"]
    call_id: str
    name: str
    arguments: str


class ResponseError(Schema):
    code: str
    message: str


class ResponseUsage(Schema):
    input_tokens: int
    input_tokens_details: Json
    output_tokens: int
    output_tokens_details: Json
    total_tokens: int


class OpenAIResponse(Schema):
    id: str
    object: Literal["response"]
    created_at: int
    status: Status
    background: bool
    error: ResponseError | None
    incomplete_details: Json | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: Json
    model: str
    output: list[OutputMessage | OutputReasoning | OutputCall]
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: Json
    service_tier: str
    store: bool
    temperature: float | None
    text: Json
    tool_choice: str | Json
    tools: list[Json]
    top_p: float | None
    truncation: str
    usage: ResponseUsage | None
    user: None


class DeletedResponse(Schema):
    id: str
    object: Literal["response"]
    deleted: bool
