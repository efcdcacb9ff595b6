"""Chatsite beside a bare ASGI application and what tutorials build.

    python -m bench.compare [--streams 100] [--tokens 400] [--rate 20]

The same readers ask each contender (`bench.bare` says what they are) for the same
frames: first for one token each, which is a start; then for paced streams, all at
once; then for unpaced ones. Chatsite authenticates and stores; its paced tokens come
from a scripted engine behind HTTP, its unpaced ones from the scripted engine in its own
process. What a token costs is by the process's clock, and without the starts.

At last: how much more a token costs in a reply of 30,000 than in replies of 1,000.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from .readers import Load, Stream, read_all
from .server import Sample, Server, serve, serve_bare, serve_upstream
from .streams import STREAMS_A_USER, milliseconds, watch
from .table import table

STARTS = Load(streams=60, tokens=1, rate=0, starts=20)
UNPACED = Load(streams=50, tokens=1000, rate=0, starts=1000)
SHORT = Load(streams=30, tokens=1_000, rate=0, starts=3)
"""One after the other, as the long one: many at once share frames."""
LONG = Load(streams=1, tokens=30_000, rate=0, starts=1000)
SETTLE_SECONDS = 1.5
"""Ends are written, and titles made, behind the last frame."""
OPEN: dict[str, Any] = {
    "CHAT_MAX_NEW_TOKENS": str(LONG.tokens),
    "CHAT_MODEL": "scripted",
}


@dataclass(frozen=True, slots=True)
class Run:
    load: Load
    streams: list[Stream]
    samples: list[Sample]

    @property
    def complete(self) -> int:
        return sum(stream.is_complete(self.load.tokens) for stream in self.streams)

    @property
    def cpu_seconds(self) -> float:
        return self.samples[-1].cpu_seconds - self.samples[0].cpu_seconds

    @property
    def kb_a_stream(self) -> float:
        most = max(sample.memory_mb for sample in self.samples)
        return (most - self.samples[0].memory_mb) * 1024 / self.load.streams

    @property
    def tokens_a_second(self) -> float:
        """From the first question to the last token."""
        last = max((s.arrivals[-1] for s in self.streams if s.arrivals), default=0.0)
        seconds = last - min(stream.asked for stream in self.streams)
        return sum(len(stream.arrivals) for stream in self.streams) / seconds

    def token_us(self, starts: Run) -> float:
        """Processor time of one token, less that of the starts."""
        rest = self.cpu_seconds - starts.cpu_seconds_each * self.load.streams
        return rest * 1_000_000 / (self.load.streams * self.load.tokens)

    @property
    def cpu_seconds_each(self) -> float:
        return self.cpu_seconds / self.load.streams


async def run(server: Server, load: Load) -> Run:
    samples = [server.sample()]
    watcher = asyncio.create_task(watch(server, samples))
    streams = await read_all(server.target, load)
    await asyncio.sleep(SETTLE_SECONDS)
    watcher.cancel()
    return Run(load, streams, [*samples, server.sample()])


def measured(server: Server, *loads: Load) -> list[Run]:
    """One after the other; the first one warms it up, and is done again."""
    uvloop.run(run(server, loads[0]))
    return [uvloop.run(run(server, load)) for load in loads]


def paced(server: Server, load: Load) -> dict[str, Any]:
    starts, run = measured(server, STARTS, load)
    lags = [lag for stream in run.streams for lag in stream.lags(load.pace)]
    first = [s.arrivals[0] - s.asked - load.pace for s in run.streams if s.arrivals]
    return {
        "complete": f"{run.complete} of {load.streams}",
        "CPU µs a token": round(run.token_us(starts), 1),
        "CPU ms a start": round(starts.cpu_seconds_each * 1000, 2),
        "first token late p50 ms": milliseconds(first, 0.5),
        "token lag p50 ms": milliseconds(lags, 0.5),
        "token lag p99 ms": milliseconds(lags, 0.99),
        "threads": max(sample.threads for sample in run.samples),
        "KB a stream": round(run.kb_a_stream),
    }


def unpaced(server: Server) -> dict[str, Any]:
    _starts, run = measured(server, STARTS, UNPACED)
    return {"unpaced tokens/s": round(run.tokens_a_second)}


def growth(server: Server) -> float:
    """A token's cost in a long reply, over that in short ones."""
    starts, short, long = measured(server, STARTS, SHORT, LONG)
    return round(long.token_us(starts) / short.token_us(starts), 2)


@contextmanager
def chatsite(load: Load, *, behind_http: bool) -> Iterator[Server]:
    users = -(-max(load.streams, UNPACED.streams) // STREAMS_A_USER)
    if not behind_http:
        with serve(users=users, CHAT_MAX_RUNNING="5000", **OPEN) as server:
            yield server
        return
    with (
        serve_upstream() as upstream,
        serve(
            users=users,
            CHAT_MAX_RUNNING="5000",
            CHAT_MODEL=upstream.model,
            CHAT_BASE_URL=f"{upstream.url}/v1",
        ) as server,
    ):
        yield server


Contender = tuple[AbstractContextManager[Server], AbstractContextManager[Server]]


def contenders(load: Load) -> Mapping[str, Contender]:
    """How each is served: for paced tokens, and for unpaced ones."""
    rivals = {
        "bare ASGI": partial(serve_bare, "bare", "/stream"),
        "Django, asynchronous": partial(serve_bare, "django", "/stream"),
        "Django, a thread each": partial(serve_bare, "threads", "/threads"),
    }
    ours = chatsite(load, behind_http=True), chatsite(load, behind_http=False)
    theirs = {name: (of(), of()) for name, of in rivals.items()}
    return {"Chatsite": ours, **theirs}


def results(load: Load) -> dict[str, dict[str, Any]]:
    found = {}
    for name, (for_paced, for_unpaced) in contenders(load).items():
        with for_paced as server:
            found[name] = paced(server, load)
        with for_unpaced as server:
            found[name] |= unpaced(server)
            if name == "Chatsite":
                found[name]["30,000 tokens / 1,000"] = growth(server)
    bare = found["bare ASGI"]
    for row in found.values():
        cost, speed = row["CPU µs a token"], row["unpaced tokens/s"]
        row["CPU a token / bare"] = round(cost / bare["CPU µs a token"], 2)
        row["unpaced / bare"] = round(speed / bare["unpaced tokens/s"], 2)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--starts-per-second", type=float, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    gc.disable()  # the readers' pauses would count as the server's
    found = results(
        Load(options.streams, options.tokens, options.rate, options.starts_per_second)
    )
    if options.json:
        print(json.dumps(found))
        return 0
    names = list(dict.fromkeys(name for row in found.values() for name in row))
    rows = [[name, *(row.get(name, "") for row in found.values())] for name in names]
    print(table(["", *found], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
