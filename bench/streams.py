"""How many streams one process holds, and what each one feels of the others.

    python -m bench.streams [--streams 500] [--rate 20] [--tokens 400] [--ramp 5]

Opens that many native streams over the loopback, each a generation of its own by
the scripted engine, and samples the server's threads, memory and open database
files while they run. The engine emits token i at a fixed time after it began, so a
token's lag is how far it arrives behind the pace of its stream's promptest token.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import sys
import time
from array import array
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvloop

from .server import Sample, Server, serve
from .table import percentile, table

SAMPLE_SECONDS = 0.5
LIMIT_SECONDS = 120
TOKEN = re.compile(rb'[" ]t(\d+)')


@dataclass(slots=True)
class Stream:
    """What one reader saw."""

    asked: float = 0
    arrivals: array[float] = field(default_factory=lambda: array("d"))
    """When token 0, 1, 2, … came."""
    ended: str = ""
    problem: str = ""

    def take(self, frame: bytes, now: float) -> None:
        name = frame.partition(b"event: ")[2].partition(b"\n")[0]
        if name == b"delta":
            for number in TOKEN.findall(frame):
                if int(number) != len(self.arrivals):
                    self.problem = "tokens lost, doubled or out of order"
                self.arrivals.append(now)
        elif name in (b"done", b"error"):
            self.ended = name.decode()

    def lags(self, pace: float) -> list[float]:
        offsets = [when - index * pace for index, when in enumerate(self.arrivals)]
        best = min(offsets, default=0.0)
        return [offset - best for offset in offsets]

    def is_complete(self, tokens: int) -> bool:
        all_came = len(self.arrivals) == tokens and not self.problem
        return all_came and self.ended == "done"


@dataclass(frozen=True, slots=True)
class Load:
    streams: int
    rate: float
    tokens: int
    ramp: float

    @property
    def pace(self) -> float:
        return 1 / self.rate


async def read(session: aiohttp.ClientSession, load: Load, stream: Stream) -> None:
    body = {"prompt": f"n={load.tokens} pace={load.pace}"}
    stream.asked = time.perf_counter()
    try:
        async with session.post("/api/chat/stream", json=body) as response:
            if response.status != 200:
                stream.problem = f"HTTP {response.status}"
                return
            await take(response.content, stream)
    except (aiohttp.ClientError, TimeoutError) as error:
        stream.problem = type(error).__name__


async def take(content: aiohttp.StreamReader, stream: Stream) -> None:
    """Only whole frames are looked at."""
    rest = b""
    async for data in content.iter_any():
        now = time.perf_counter()
        *frames, rest = (rest + data).split(b"\n\n")
        for frame in frames:
            stream.take(frame, now)


async def watch(server: Server, samples: list[Sample]) -> None:
    while True:
        samples.append(server.sample())
        await asyncio.sleep(SAMPLE_SECONDS)


async def run(server: Server, load: Load) -> tuple[list[Stream], list[Sample]]:
    streams = [Stream() for _ in range(load.streams)]
    samples: list[Sample] = []
    watcher = asyncio.create_task(watch(server, samples))
    async with aiohttp.ClientSession(
        server.url,
        connector=aiohttp.TCPConnector(limit=0),
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=aiohttp.ClientTimeout(total=LIMIT_SECONDS),
    ) as session:
        readers = []
        for stream in streams:
            readers.append(asyncio.create_task(read(session, load, stream)))
            await asyncio.sleep(load.ramp / load.streams)
        await asyncio.gather(*readers)
    watcher.cancel()
    return streams, samples


def report(
    load: Load, idle: Sample, streams: list[Stream], samples: list[Sample]
) -> dict[str, Any]:
    first = [s.arrivals[0] - s.asked for s in streams if s.arrivals]
    lags = [lag for s in streams for lag in s.lags(load.pace)]
    middle = samples[len(samples) // 4 : -len(samples) // 4] or samples
    seconds = (len(middle) - 1) * SAMPLE_SECONDS or 1
    memory = max(sample.memory_mb for sample in samples)
    return {
        "streams": load.streams,
        "tokens per second and stream": load.rate,
        "complete": sum(stream.is_complete(load.tokens) for stream in streams),
        "problems": sorted({s.problem for s in streams if s.problem}),
        "first token p50 ms": round(percentile(first, 0.5) * 1000),
        "first token p99 ms": round(percentile(first, 0.99) * 1000),
        "token lag p50 ms": round(percentile(lags, 0.5) * 1000, 1),
        "token lag p99 ms": round(percentile(lags, 0.99) * 1000, 1),
        "threads": max(sample.threads for sample in samples),
        "database connections": max(s.database_connections for s in samples),
        "memory MB": round(memory),
        "KB per stream": round((memory - idle.memory_mb) * 1024 / load.streams),
        "CPU %": round(
            (middle[-1].cpu_seconds - middle[0].cpu_seconds) / seconds * 100
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--ramp", type=float, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    load = Load(options.streams, options.rate, options.tokens, options.ramp)
    with serve(CHAT_MODEL="scripted", CHAT_MAX_RUNNING=str(load.streams)) as server:
        idle = server.sample()
        gc.disable()  # its pauses would count as the server's
        streams, samples = uvloop.run(run(server, load))
    result = report(load, idle, streams, samples)
    if options.json:
        print(json.dumps(result))
    else:
        print(table(["", "measured"], list(result.items())))
    return 0 if result["complete"] == load.streams else 1


if __name__ == "__main__":
    sys.exit(main())
