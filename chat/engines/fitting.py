"""What of a conversation fits into a model's context: estimated, for engines whose
tokenizer is elsewhere. Pure.

Whole turns go from the oldest on; the system prompt and the last turn always stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

M = TypeVar("M", bound=Mapping[str, Any])

MESSAGE_TOKENS = 4
"""What a chat template puts around each message, about."""


def estimate(text: str) -> int:
    """About so many tokens: four letters, or one Chinese character and a bit."""
    return len(text.encode(errors="replace")) // 4 + 1


def prompt_estimate(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(MESSAGE_TOKENS + estimate(message["content"]) for message in messages)


def reserve(context: int, max_tokens: int | None) -> int:
    """Tokens kept free for the answer."""
    return max_tokens or context // 4


def kept(messages: Sequence[M], room: int) -> list[M]:
    """The messages without the oldest turns, so that about `room` tokens are left."""
    head = [message for message in messages[:1] if message["role"] == "system"]
    rest = list(messages[len(head) :])
    costs = [prompt_estimate([message]) for message in rest]
    total, first = prompt_estimate(head) + sum(costs), 0
    while first < len(rest) - 1 and total > room:
        total -= costs[first]
        first += 1
        while first < len(rest) - 1 and rest[first]["role"] != "user":
            total -= costs[first]
            first += 1
    return [*head, *rest[first:]]
