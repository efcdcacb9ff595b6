"""What those who say nothing, and those who do not read, cost the others.

    python -m bench.crowd [--idle 1000] [--stalled 50] [--streams 30]

Readers follow their answers alone; then beside so many connections that are open and
idle, and so many readers that ask for a long answer and do not read it; and once more
while those read on, all at once. All on the loopback, for a minute or so.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from .compare import SETTLE_SECONDS, Run, run
from .readers import Load
from .server import Server, serve
from .streams import STREAMS_A_USER, milliseconds
from .table import table

LONG = "n=4000 pace=0"
SMALL_BYTES = 4096
AT_ONCE = 100
LIMIT_SECONDS = 120
SPARE_FILES = 500

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def allow_files(count: int) -> None:
    """For this process and the server, which inherits it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + SPARE_FILES), hard))


async def connect(server: Server) -> Connection:
    """With small buffers, so that what is not read stays with the server."""
    host, port = server.url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (host, int(port)))
    return await asyncio.open_connection(sock=client, limit=SMALL_BYTES)


async def connected(server: Server, count: int) -> list[Connection]:
    found: list[Connection] = []
    while len(found) < count:
        some = range(min(AT_ONCE, count - len(found)))
        found += await asyncio.gather(*(connect(server) for _ in some))
    return found


def ask(server: Server, number: int, writer: asyncio.StreamWriter) -> None:
    body = json.dumps({"prompt": LONG}).encode()
    key = server.keys[number % len(server.keys)]
    head = (
        f"POST {server.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)


async def read_on(reader: asyncio.StreamReader) -> bool:
    """To the end; whether that is the answer's."""
    last = b""
    while data := await reader.read(SMALL_BYTES):
        last = (last + data)[-SMALL_BYTES:]
    return b"event: done" in last


@asynccontextmanager
async def beside(server: Server, idle: int, stalled: int) -> AsyncIterator[list[Any]]:
    silent, asking = await connected(server, idle), await connected(server, stalled)
    try:
        for number, (_reader, writer) in enumerate(asking):
            ask(server, number, writer)
        yield [reader for reader, _writer in asking]
    finally:
        for _reader, writer in silent + asking:
            writer.close()


def row(name: str, found: Run) -> list[object]:
    lags = [lag for stream in found.streams for lag in stream.lags(found.load.pace)]
    memory = max(sample.memory_mb for sample in found.samples)
    return [
        name,
        f"{found.complete} of {found.load.streams}",
        milliseconds(lags, 0.5),
        milliseconds(lags, 0.99),
        round(memory),
        max(sample.threads for sample in found.samples),
    ]


async def measure(
    server: Server, load: Load, idle: int, stalled: int
) -> list[list[object]]:
    await run(server, load)  # warm
    rows = [row("alone", await run(server, load))]
    async with asyncio.timeout(LIMIT_SECONDS), beside(server, idle, 0):
        rows.append(row(f"{idle} idle connections", await run(server, load)))
    async with (
        asyncio.timeout(LIMIT_SECONDS),
        beside(server, idle, stalled) as readers,
    ):
        await asyncio.sleep(SETTLE_SECONDS)
        rows.append(row(f"and {stalled} that do not read", await run(server, load)))
        reading = asyncio.gather(*map(read_on, readers))
        rows.append(row("and read on", await run(server, load)))
        ended = await reading
    assert all(ended), f"{ended.count(False)} of those that read on have no end"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--stalled", type=int, default=50)
    parser.add_argument("--streams", type=int, default=30)
    options = parser.parse_args()
    allow_files(options.idle + options.stalled + options.streams)
    load = Load(options.streams, tokens=200, rate=20, starts=15)
    users = -(-(options.streams + options.stalled) // STREAMS_A_USER)
    gc.disable()  # the readers' pauses would count as the server's
    with serve(users=users, CHAT_MODEL="scripted", CHAT_MAX_RUNNING="5000") as server:
        rows = uvloop.run(measure(server, load, options.idle, options.stalled))
    head = ["", "complete", "lag p50 ms", "lag p99 ms", "memory MB", "threads"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
