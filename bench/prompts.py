"""What a long prompt does to others, and what its next turn costs.

    python -m bench.prompts [--running 8] [--words 700] [--json]

The local engine with a random model of 60 million parameters: so many replies run;
then a long prompt comes, and a short one behind it. After that the long conversation
goes on with a second question, and is asked once more by a new engine that has read
nothing of it before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from chat.engines.base import ChatMessage, Chunk, EngineRequest, Params, Prompted
from chat.engines.local import LocalEngine

from .engines.shapes import build
from .table import table

LOOSE_SECONDS = 2.0
"""In which the running replies find their pace."""
SHORT = [ChatMessage(role="user", content="Hello")]
MORE = [
    ChatMessage(role="assistant", content="I have read it."),
    ChatMessage(role="user", content="What is it about?"),
]


def long(words: int) -> list[ChatMessage]:
    text = " ".join(f"word{number % 97}" for number in range(words))
    return [ChatMessage(role="user", content=f"Read this: {text}")]


async def first_token(
    engine: LocalEngine, name: str, messages: list[ChatMessage]
) -> tuple[float, int]:
    """Seconds until it came, and the tokens of the prompt."""
    # Several tokens: what ends in the step it began in leaves no prefix behind.
    params = Params(temperature=0.0, max_tokens=4)
    began, came, prompt = time.perf_counter(), 0.0, 0
    async for event in engine.stream(EngineRequest(name, "bench", messages, params)):
        if isinstance(event, Prompted):
            prompt = event.prompt_tokens
        elif isinstance(event, Chunk) and not came:
            came = time.perf_counter() - began
    return came, prompt


async def run_on(engine: LocalEngine, number: int, arrivals: list[float]) -> None:
    params = Params(temperature=0.0, max_tokens=4000)
    messages = [ChatMessage(role="user", content=f"Count from {number}.")]
    name = f"running {number}"
    async for event in engine.stream(EngineRequest(name, "bench", messages, params)):
        if isinstance(event, Chunk):
            arrivals.append(time.perf_counter())  # noqa: PERF401 as they come


async def begin(folder: Path) -> LocalEngine:
    engine = LocalEngine(str(folder), cache_size=64 * 1024, max_tokens=4000)
    await engine.start()
    return engine


async def measure(folder: Path, running: int, words: int) -> dict[str, Any]:
    engine = await begin(folder)
    arrivals: list[list[float]] = [[] for _ in range(running)]
    others = [
        asyncio.create_task(run_on(engine, number, came))
        for number, came in enumerate(arrivals)
    ]
    await asyncio.sleep(LOOSE_SECONDS)
    usual = longest(arrivals, 0.0)
    began = time.perf_counter()
    book = asyncio.create_task(first_token(engine, "long", long(words)))
    await asyncio.sleep(0.05)
    short, _ = await first_token(engine, "short", SHORT)
    cold_beside, prompt = await book
    gap = longest(arrivals, began)
    for other in others:
        other.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*others, return_exceptions=True)
    turn, _ = await first_token(engine, "turn", long(words) + MORE)
    await engine.stop()
    engine = await begin(folder)
    cold, _ = await first_token(engine, "cold", long(words) + MORE)
    await engine.stop()
    return {
        "replies running": running,
        "tokens of the long prompt": prompt,
        "longest gap of a running reply before, ms": milliseconds(usual),
        "longest gap while the prompt is read, ms": milliseconds(gap),
        "first token of the short prompt, ms": milliseconds(short),
        "first token of the long prompt, ms": milliseconds(cold_beside),
        "the long conversation's next turn, cold, ms": milliseconds(cold),
        "the same with its prefix in the cache, ms": milliseconds(turn),
        "cold / with prefix": round(cold / turn, 1),
    }


def longest(arrivals: list[list[float]], since: float) -> float:
    return max(
        (
            later - earlier
            for came in arrivals
            for earlier, later in pairwise(came)
            if later >= since
        ),
        default=0.0,
    )


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--running", type=int, default=8)
    parser.add_argument("--words", type=int, default=700)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), "qwen3-60m")
        found = asyncio.run(measure(Path(folder), options.running, options.words))
    print(json.dumps(found) if options.json else table(["", "measured"], found.items()))


if __name__ == "__main__":
    main()
