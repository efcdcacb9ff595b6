"""What of a conversation fits into a model's context: estimated, for engines whose
tokenizer is elsewhere. Pure.

Whole turns go from the oldest on; the system prompt and the last turn always stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

M = TypeVar("M", bound=Mapping[str, Any])

MESSAGE_TOKENS = 4
"""What a chat template puts around each message, about."""


def estimate(text: str) -> int:
    """About so many tokens: four letters, or one Chinese character and a bit."""
    return len(text.encode(errors="replace")) // 4 + 1


def prompt_estimate(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(MESSAGE_TOKENS + estimate(wording(message)) for message in messages)


def wording(message: Mapping[str, Any]) -> str:
    calls = message.get("tool_calls")
    content: str = message["content"]
    return content + json.dumps(calls) if calls else content


def tools_estimate(tools: Sequence[Mapping[str, Any]] | None) -> int:
    return estimate(json.dumps(tools)) if tools else 0


def reserve(context: int, max_tokens: int | None) -> int:
    """Tokens kept free for the answer."""
    return max_tokens or context // 4


def kept(messages: Sequence[M], room: int) -> list[M]:
    """The messages without the oldest turns, so that about `room` tokens are left."""
    costs = [prompt_estimate([message]) for message in messages]
    head = 1 if messages and messages[0]["role"] == "system" else 0
    turns = [at for at, message in enumerate(messages) if message["role"] == "user"]
    total, first = sum(costs), head
    for turn in turns:
        if total <= room:
            break
        total -= sum(costs[first:turn])
        first = turn
    return [*messages[:head], *messages[first:]]
