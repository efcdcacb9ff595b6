"""What the DashScope dialect answers, as the documentation shows it."""

from __future__ import annotations

from typing import Literal

from ninja import Schema

from ..shown import CalledFunction

Reason = Literal["stop", "length", "tool_calls", "content_filter"]


class DashScopeError(Schema):
    code: str
    message: str
    request_id: str


class DashScopeCall(Schema):
    index: int = 0
    id: str
    type: Literal["function"]
    function: CalledFunction


class DashScopeMessage(Schema):
    """`reasoning_content` and `tool_calls` only where there are any."""

    role: Literal["assistant"]
    content: str
    reasoning_content: str = ""
    tool_calls: list[DashScopeCall] = []


class DashScopeChoice(Schema):
    message: DashScopeMessage
    finish_reason: Reason


class MessageOutput(Schema):
    choices: list[DashScopeChoice]


class TextOutput(Schema):
    text: str
    finish_reason: Reason


class DashScopeUsage(Schema):
    input_tokens: int
    output_tokens: int
    total_tokens: int


class DashScopeAnswer(Schema):
    """`output` as `result_format` asked for it."""

    output: TextOutput | MessageOutput
    usage: DashScopeUsage
    request_id: str
