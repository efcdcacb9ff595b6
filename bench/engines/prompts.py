"""What all contenders are asked. `CONTEXT` in the environment: words before it."""

from __future__ import annotations

import os

CONTEXT = "BENCH_CONTEXT_WORDS"


def prompt(number: int) -> str:
    """Nobody's begins as another's does: nothing is reused."""
    words = int(os.environ.get(CONTEXT, "0"))
    before = " ".join(f"{number}.{at}" for at in range(words))
    return f"{before} Tell me about Chatsite, number {number}.".lstrip()


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt(number)}]
