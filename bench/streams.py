"""How many streams one process holds, and what each one feels of the others.

    python -m bench.streams [--streams 500] [--rate 20] [--tokens 400]
        [--starts-per-second 100] [--database sqlite] [--engine scripted]

Opens that many native streams over the loopback, each a generation of its own, and
samples the server's threads, memory and database connections while they run. The
engine emits token i at a fixed time after it began, so a token's lag is how far it
arrives behind the pace of its stream's promptest token. With `--engine upstream` it
is a process of its own, which is first asked directly by the same readers. `--rate 0`:
all tokens at once; what is left is the cost of a start and an end.

Before all of them there are 100 alone: what those take, a process has once, and each of
the others is counted beyond that. `bench.compare` has the cost of a token.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Literal, get_args

import uvloop

from .readers import Load, Stream, Target, read_all
from .server import DATABASES, DatabaseName, Sample, Server, serve, serve_upstream
from .table import percentile, table

SAMPLE_SECONDS = 0.5
FIRST = 100
STREAMS_A_USER = 3
"""Fewer than one may have running."""
DIRECT = "the upstream's own first token p50 ms"
EngineName = Literal["scripted", "upstream"]


async def watch(server: Server, samples: list[Sample]) -> None:
    while True:
        samples.append(await asyncio.to_thread(server.sample))
        await asyncio.sleep(SAMPLE_SECONDS)


async def run(server: Server, load: Load) -> tuple[list[Stream], list[Sample]]:
    samples: list[Sample] = []
    watcher = asyncio.create_task(watch(server, samples))
    streams = await read_all(server.target, load)
    watcher.cancel()
    return streams, [*samples, server.sample()]


def first_hundred(server: Server, load: Load) -> float | None:
    """MB of memory with them alone; None when there are no more than those."""
    if load.streams <= FIRST:
        return None
    _streams, samples = uvloop.run(run(server, replace(load, streams=FIRST)))
    return max(sample.memory_mb for sample in samples)


def report(
    load: Load,
    idle: Sample,
    first: float | None,
    streams: list[Stream],
    samples: list[Sample],
) -> dict[str, Any]:
    memory = max(sample.memory_mb for sample in samples)
    cpu = samples[-1].cpu_seconds - idle.cpu_seconds
    result = {
        "streams": load.streams,
        "tokens per second and stream": load.rate,
        "starts per second": load.starts,
        "complete": sum(stream.is_complete(load.tokens) for stream in streams),
        "problems": sorted({s.problem for s in streams if s.problem}),
        **waits(streams),
        "threads": max(sample.threads for sample in samples),
        "database connections": max(s.database_connections for s in samples),
        "memory MB": round(memory),
        "KB per stream": round((memory - idle.memory_mb) * 1024 / load.streams),
        "CPU ms per stream": round(cpu * 1000 / load.streams, 2),
    }
    if first is not None:
        beyond = (memory - first) * 1024 / (load.streams - FIRST)
        result["KB per stream beyond the first 100"] = round(beyond)
    if load.rate:
        lags = [lag for s in streams for lag in s.lags(load.pace)]
        result |= {
            "token lag p50 ms": milliseconds(lags, 0.5),
            "token lag p99 ms": milliseconds(lags, 0.99),
            "CPU %": busy(samples),
        }
    return result


def waits(streams: list[Stream]) -> dict[str, float]:
    heads = [s.headers - s.asked for s in streams if s.headers]
    first = [s.arrivals[0] - s.asked for s in streams if s.arrivals]
    return {
        "headers p50 ms": milliseconds(heads, 0.5),
        "headers p99 ms": milliseconds(heads, 0.99),
        "first token p50 ms": milliseconds(first, 0.5),
        "first token p99 ms": milliseconds(first, 0.99),
    }


def milliseconds(seconds: list[float], share: float) -> float:
    return round(percentile(seconds, share) * 1000, 1)


def busy(samples: list[Sample]) -> int:
    """In the middle of the run, of one core."""
    middle = samples[len(samples) // 4 : -len(samples) // 4] or samples
    seconds = (len(middle) - 1) * SAMPLE_SECONDS or 1
    return round((middle[-1].cpu_seconds - middle[0].cpu_seconds) / seconds * 100)


def measure(load: Load, database: DatabaseName, engine: EngineName) -> dict[str, Any]:
    with ExitStack() as stack:
        settings = {"CHAT_MODEL": "scripted", "CHAT_MAX_RUNNING": str(load.streams)}
        direct: dict[str, Any] = {}
        if engine == "upstream":
            upstream = stack.enter_context(serve_upstream())
            direct = alone(upstream, load)
            settings |= {"CHAT_MODEL": upstream.model}
            settings |= {"CHAT_BASE_URL": f"{upstream.url}/v1"}
        users = -(-load.streams // STREAMS_A_USER)
        server = stack.enter_context(serve(database, users, **settings))
        first = first_hundred(server, load)
        idle = server.sample()
        streams, samples = uvloop.run(run(server, load))
    result = report(load, idle, first, streams, samples) | direct
    if direct:
        over = result["first token p50 ms"] - direct[DIRECT]
        result["first token p50 ms over that"] = round(over, 1)
    return result


def alone(upstream: Target, load: Load) -> dict[str, Any]:
    """What the readers get from the upstream itself."""
    streams = uvloop.run(read_all(upstream, load))
    return {DIRECT: waits(streams)["first token p50 ms"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--starts-per-second", type=float, default=100)
    parser.add_argument("--database", choices=sorted(DATABASES), default="sqlite")
    parser.add_argument("--engine", choices=get_args(EngineName), default="scripted")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    load = Load(
        options.streams, options.tokens, options.rate, options.starts_per_second
    )
    gc.disable()  # the readers' pauses would count as the server's
    result = measure(load, options.database, options.engine)
    if options.json:
        print(json.dumps(result))
    else:
        print(table(["", "measured"], list(result.items())))
    return 0 if result["complete"] == load.streams else 1


if __name__ == "__main__":
    sys.exit(main())
