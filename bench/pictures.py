"""What streams of text feel of pictures that are drawn beside them, in one process.

    python -m bench.pictures [--streams 100] [--rate 20] [--tokens 400]
        [--size 256x256] [--steps 30]

The same streams twice: alone, and while the tiny pipeline (`CHAT_IMAGE_MODEL=demo`)
draws without a pause in the same process. The scripted engine emits token i at a fixed
time, so a token's lag is how far it arrives behind the pace of its stream's promptest.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

import aiohttp
import uvloop

from .readers import Load, Stream, Target, read_all
from .server import Server, serve
from .streams import milliseconds
from .table import table

MODEL = "demo-image"
LOAD_SECONDS = 300
STREAMS_A_USER = 3
PAINTERS = 2
"""Who ask for pictures: while one gets theirs, the other's is being drawn."""


@dataclass(slots=True)
class Gallery:
    """What was drawn meanwhile."""

    pictures: int = 0
    steps: int = 0


def wait_until_it_draws(server: Server) -> None:
    deadline = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{server.url}/readyz", timeout=30) as response:
            state = json.load(response)["models"].get(MODEL, {})
        if state.get("state") == "ready":
            return
        if state.get("state") == "failed":
            raise RuntimeError(state["message"])
        time.sleep(0.2)
    raise RuntimeError(f"{MODEL} did not become ready")


async def paint(target: Target, asked: dict[str, Any], gallery: Gallery) -> None:
    """One picture after another, until it is cancelled."""
    headers = target.headers(0)
    body = {**asked, "prompt": "a red fox", "model": MODEL}
    async with aiohttp.ClientSession(target.url, headers=headers) as session:
        while True:
            async with session.post("/api/images/stream", json=body) as response:
                response.raise_for_status()
                async for line in response.content:
                    gallery.steps += line.startswith(b"event: step")
                    gallery.pictures += line.startswith(b"event: done")


async def together(
    readers: Target, painter: Target, load: Load, asked: dict[str, Any], drawn: Gallery
) -> list[Stream]:
    """The streams, while pictures are drawn."""
    tasks = [asyncio.create_task(paint(painter, asked, drawn)) for _ in range(PAINTERS)]
    try:
        return await read_all(readers, load)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if not isinstance(end, asyncio.CancelledError):
                raise RuntimeError("a picture failed") from end


def lags(load: Load, streams: list[Stream]) -> list[float]:
    found = [lag for stream in streams for lag in stream.lags(load.pace)]
    return [milliseconds(found, share) for share in (0.5, 0.99)]


def measure(load: Load, asked: dict[str, Any]) -> dict[str, Any]:
    settings = {
        "CHAT_MODEL": "scripted",
        "CHAT_IMAGE_MODEL": "demo",
        "CHAT_MAX_RUNNING": str(load.streams + PAINTERS),
    }
    users = -(-load.streams // STREAMS_A_USER) + 1
    gallery = Gallery()
    with serve("sqlite", users, **settings) as server:
        wait_until_it_draws(server)
        # The first user draws; the others ask.
        readers = Target(server.url, keys=server.keys[1:])
        alone = uvloop.run(read_all(readers, load))
        before = server.sample()
        painter = Target(server.url, keys=server.keys[:1])
        streams = uvloop.run(together(readers, painter, load, asked, gallery))
        after = server.sample()
    return {
        "streams": load.streams,
        "complete": sum(s.is_complete(load.tokens) for s in [*alone, *streams]),
        "pictures": gallery.pictures,
        "previews": gallery.steps,
        "CPU seconds with pictures": round(after.cpu_seconds - before.cpu_seconds, 1),
        "memory MB": round(after.memory_mb),
        "token lag p50, p99 ms, alone": lags(load, alone),
        "token lag p50, p99 ms, beside pictures": lags(load, streams),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--starts-per-second", type=float, default=50)
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    load = Load(
        options.streams, options.tokens, options.rate, options.starts_per_second
    )
    gc.disable()  # the readers' pauses would count as the server's
    result = measure(load, {"size": options.size, "steps": options.steps})
    print(table(["", "measured"], list(result.items())))
    return 0 if result["complete"] == 2 * load.streams else 1


if __name__ == "__main__":
    sys.exit(main())
