"""What a token costs on the tape that processes share, by the processor's clock.

    python -m bench.tape [--streams 1000] [--rate 20] [--seconds 15]

One process writes so many answers at so many tokens a second each; another one tails
them all, as every process of a site does, without a reader; a Redis of their own is
between them. Each one's processor time and memory is divided by the tokens.
docs/capacity.md counts with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from chat.events import Delta, Done, Snapshot
from chat.tape import RedisTape, Tape, Writer
from tests.drills.servers import RedisServer, private_folder

from .server import ROOT
from .table import table

LAST = "bench"
"""The generation that says that all is said."""
LIMIT_SECONDS = 300


def memory_bytes() -> int:
    """Resident, of this process."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


async def tail(url: str) -> dict[str, float]:
    """What it costs to know all that is said, until all is."""
    tape = RedisTape(url)
    await tape.start()
    before = memory_bytes()
    print("ready", flush=True)
    began = time.process_time()
    async with asyncio.timeout(LIMIT_SECONDS):
        while not tape.read(LAST, 0):
            await tape.wait(LAST, 0, LIMIT_SECONDS)
    spent = time.process_time() - began
    result = {"cpu": spent, "memory": memory_bytes() - before}
    await tape.stop()
    return result


async def write(tape: Tape, streams: int, rate: float, seconds: float) -> int:
    """How many tokens were said; late ones catch up."""
    writers = [opened(tape, f"bench-{number}") for number in range(streams)]
    began = time.monotonic()
    said = 0
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        for writer in writers:
            writer.append(Delta(f"t{number} "))
        said += streams
    opened(tape, LAST).append(Done("stop"))
    return said


def opened(tape: Tape, generation: str) -> Writer:
    return tape.open(generation, 1, 0, Snapshot())


async def measure(streams: int, rate: float, seconds: float) -> dict[str, Any]:
    with private_folder() as folder:
        server = RedisServer(folder)
        try:
            return await between(server, streams, rate, seconds)
        finally:
            server.stop()


async def between(
    server: RedisServer, streams: int, rate: float, seconds: float
) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.tape", "--tail", server.url]
    reader = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert reader.stdout is not None
    await reader.stdout.readline()
    tape = RedisTape(server.url)
    await tape.start()
    redis, own = used(server), time.process_time()
    tokens = await write(tape, streams, rate, seconds)
    tailed = json.loads(await reader.stdout.readline())
    own, redis = time.process_time() - own, used(server) - redis
    with server.client() as client:
        held = client.memory_usage("chatsite:tape", samples=0) or 0
    await tape.stop()
    await reader.wait()
    return {
        "tokens a second": round(streams * rate),
        "writing and tailing, CPU µs a token": micro(own, tokens),
        "tailing, CPU µs a token": micro(tailed["cpu"], tokens),
        "Redis, CPU µs a token": micro(redis, tokens),
        "tailing, bytes a token": round(tailed["memory"] / tokens),
        "Redis, bytes a token": round(held / tokens),
    }


def used(server: RedisServer) -> float:
    """Seconds of processor time of this Redis so far."""
    with server.client() as client:
        found: dict[str, Any] = client.info("cpu")
    return float(found["used_cpu_user"] + found["used_cpu_sys"])


def micro(seconds: float, tokens: int) -> float:
    return round(seconds * 1_000_000 / tokens, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--tail", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    if options.tail:
        print(json.dumps(uvloop.run(tail(options.tail))))
        return
    result = uvloop.run(measure(options.streams, options.rate, options.seconds))
    print(table(["", "measured"], list(result.items())))


if __name__ == "__main__":
    main()
