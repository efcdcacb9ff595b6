"""Readers that ask, follow, and note when each token came; one task each."""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

LIMIT_SECONDS = 120
TOKEN = re.compile(rb'[" ]t(\d+)')
HEAD_START_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """`starts`: how many readers ask each second, evenly, whatever comes back."""

    streams: int
    tokens: int
    rate: float
    starts: float

    @property
    def pace(self) -> float:
        """Seconds between two tokens; 0 without a rate."""
        return 1 / self.rate if self.rate else 0

    @property
    def prompt(self) -> str:
        return f"n={self.tokens} pace={self.pace}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask: Chatsite's native stream, or an upstream itself. Readers take the
    users' keys in turn."""

    url: str
    path: str = "/api/chat/stream"
    keys: Sequence[str] = ()
    model: str = ""

    def headers(self, number: int) -> dict[str, str]:
        if not self.keys:
            return {}
        return {"Authorization": f"Bearer {self.keys[number % len(self.keys)]}"}

    def body(self, prompt: str) -> dict[str, Any]:
        if not self.model:
            return {"prompt": prompt}
        message = {"role": "user", "content": prompt}
        return {"model": self.model, "messages": [message], "stream": True}


@dataclass(slots=True)
class Stream:
    """What one reader saw."""

    asked: float = 0
    headers: float = 0
    arrivals: array[float] = field(default_factory=lambda: array("d"))
    """When token 0, 1, 2, … came."""
    ended: str = ""
    problem: str = ""

    def take(self, frame: bytes, now: float) -> None:
        name = frame.partition(b"event: ")[2].partition(b"\n")[0]
        if name in (b"done", b"error"):
            self.ended = name.decode()
        elif frame.endswith(b"[DONE]"):
            self.ended = "done"
        elif name in (b"delta", b""):
            for number in TOKEN.findall(frame):
                if int(number) != len(self.arrivals):
                    self.problem = "tokens lost, doubled or out of order"
                self.arrivals.append(now)

    def lags(self, pace: float) -> list[float]:
        """How far each token came behind the pace of the promptest."""
        offsets = [when - index * pace for index, when in enumerate(self.arrivals)]
        best = min(offsets, default=0.0)
        return [offset - best for offset in offsets]

    def is_complete(self, tokens: int) -> bool:
        all_came = len(self.arrivals) == tokens and not self.problem
        return all_came and self.ended == "done"


async def read_all(target: Target, load: Load) -> list[Stream]:
    """An open loop: a late answer holds no later question back."""
    streams = [Stream() for _ in range(load.streams)]
    async with aiohttp.ClientSession(
        target.url,
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=LIMIT_SECONDS),
    ) as session:
        began = time.perf_counter() + HEAD_START_SECONDS
        readers = []
        for number, stream in enumerate(streams):
            due = began + number / load.starts
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asking = session.post(
                target.path,
                json=target.body(load.prompt),
                headers=target.headers(number),
            )
            readers.append(asyncio.create_task(read(asking, stream)))
        await asyncio.gather(*readers)
    return streams


async def read(
    asking: AbstractAsyncContextManager[aiohttp.ClientResponse], stream: Stream
) -> None:
    stream.asked = time.perf_counter()
    try:
        async with asking as response:
            stream.headers = time.perf_counter()
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
