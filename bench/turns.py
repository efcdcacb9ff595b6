"""How much sooner the tenth turn of a conversation starts than one that is cold.

    python -m bench.turns [--turns 10] [--words 8] [--json]

Through the whole product, with a random model of 60 million parameters: a conversation
of about 2,000 tokens, then a new one whose first prompt is as long as all of that.
Each is asked alone, on an idle server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from .engines.shapes import build
from .server import Server, serve
from .table import table

MODEL = "qwen3-60m"
REPLY_TOKENS = 150
LIMIT_SECONDS = 300


def words(count: int, number: int) -> str:
    """Other ones for each number, from the beginning."""
    return " ".join(f"{number} word{at * 7 % 97}" for at in range(count))


async def asked(
    session: aiohttp.ClientSession, body: dict[str, Any]
) -> tuple[float, str, int]:
    """Seconds to the first text, the conversation, and the tokens of the prompt."""
    began, came, heard = time.perf_counter(), 0.0, b""
    async with session.post("/api/chat/stream", json=body) as response:
        response.raise_for_status()
        async for data in response.content.iter_any():
            heard += data
            if not came and b"event: delta" in heard:
                came = time.perf_counter() - began
    conversation = str(data_of(heard, "start")["conversation"])
    return came, conversation, int(data_of(heard, "done")["usage"]["prompt_tokens"])


def data_of(heard: bytes, name: str) -> dict[str, Any]:
    frame = heard.partition(f"event: {name}\n".encode())[2]
    found: dict[str, Any] = json.loads(frame.partition(b"data: ")[2].split(b"\n")[0])
    return found


async def measure(server: Server, turns: int, count: int) -> dict[str, Any]:
    limits: dict[str, Any] = {
        "base_url": server.url,
        "headers": {"Authorization": f"Bearer {server.keys[0]}"},
        "timeout": aiohttp.ClientTimeout(total=LIMIT_SECONDS),
    }
    params = {"temperature": 0.0, "max_tokens": REPLY_TOKENS}
    async with aiohttp.ClientSession(**limits) as session:
        body: dict[str, Any] = {"params": params}
        tokens_of = []
        for turn in range(turns):
            body["prompt"] = words(count, turn)
            last, body["conversation"], tokens = await asked(session, body)
            tokens_of.append(tokens)
        as_many = round(count * tokens / tokens_of[0])
        fresh = {"params": params, "prompt": words(as_many, turns)}
        cold, _conversation, cold_tokens = await asked(session, fresh)
    return {
        "tokens of the conversation at its last turn": tokens,
        "first text of the last turn, ms": round(last * 1000),
        "tokens of the new prompt": cold_tokens,
        "first text of the new prompt, ms": round(cold * 1000),
        "cold / last turn": round(cold / last, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--words", type=int, default=8, help="of each question")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), MODEL)
        with serve(CHAT_MODEL=folder, CHAT_AUTO_TITLES="0") as server:
            found = asyncio.run(measure(server, options.turns, options.words))
    print(json.dumps(found) if options.json else table(["", "measured"], found.items()))


if __name__ == "__main__":
    main()
