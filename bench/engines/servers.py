"""Contenders behind HTTP, asked by the same readers: the whole product, and the
server that comes with transformers."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ..server import DatabaseName, free_port, running, serve, wait_until_ready
from .prompts import messages, prompt
from .replies import Ask, Reply

LIMIT_SECONDS = 900
USED = re.compile(rb'"completion_tokens": ?(\d+)')
SAID = re.compile(rb'"(?:text|content|reasoning|reasoning_content)": ?"(?!")')
STREAMS_A_USER = 4
CACHE_BLOCKS = 512
"""Of 256 tokens. Left alone, it takes most of the memory there is."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where and how to ask one. Users take turns."""

    url: str
    path: str
    keys: Sequence[str] = ("",)
    model: str = ""

    def headers(self, number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[number % len(self.keys)]}"}

    def body(self, number: int, tokens: int) -> dict[str, Any]:
        if not self.model:
            params = {"temperature": 0.0, "max_tokens": tokens}
            return {"prompt": prompt(number), "params": params}
        return {
            "model": self.model,
            "messages": messages(number),
            "temperature": 0.0,
            "max_tokens": tokens,
            "stream": True,
        }

    def ask(self, requests: int, tokens: int) -> list[Reply]:
        return asyncio.run(self._all(requests, tokens))

    async def _all(self, requests: int, tokens: int) -> list[Reply]:
        async with aiohttp.ClientSession(
            self.url,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=LIMIT_SECONDS),
        ) as session:
            return await asyncio.gather(
                *(self._one(session, number, tokens) for number in range(requests))
            )

    async def _one(
        self, session: aiohttp.ClientSession, number: int, tokens: int
    ) -> Reply:
        reply = Reply(asked=time.perf_counter())
        asking = session.post(
            self.path, json=self.body(number, tokens), headers=self.headers(number)
        )
        async with asking as response:
            response.raise_for_status()
            rest = b""
            async for data in response.content.iter_any():
                now = time.perf_counter()
                whole, mark, rest = (rest + data).rpartition(b"\n\n")
                hear(reply, whole + mark, now)
        return reply


def hear(reply: Reply, frames: bytes, now: float) -> None:
    """Whole frames that came at once, of either dialect."""
    if SAID.search(frames):
        reply.arrivals.append(now)
    if used := USED.search(frames):
        reply.tokens = int(used[1])


@contextmanager
def product(
    folder: Path, requests: int, database: DatabaseName = "sqlite"
) -> Iterator[Ask]:
    """API, database, tape and stream, one process; nobody has to queue."""
    settings = {"CHAT_MODEL": str(folder), "CHAT_AUTO_TITLES": "0"}
    with serve(database, -(-requests // STREAMS_A_USER), **settings) as server:
        yield Door(server.url, "/api/chat/stream", server.keys).ask


@contextmanager
def transformers_serve(folder: Path) -> Iterator[Ask]:
    port = free_port()
    arguments = ["transformers.cli.transformers", "serve", str(folder)]
    arguments += ["--continuous-batching", "--cb-num-blocks", str(CACHE_BLOCKS)]
    # Offline: it would look for a newer version of itself.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    arguments += ["--port", str(port)]
    with running(arguments, environment, subprocess.DEVNULL) as process:
        url = f"http://localhost:{port}"
        wait_until_ready(f"{url}/health", process)
        yield Door(url, "/v1/chat/completions", model=str(folder)).ask
