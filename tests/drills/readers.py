"""Clients as they are in the wild: they reconnect, elsewhere, from their cursor."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chat import sse
from chat.engines.base import ChatMessage, EngineRequest
from chat.engines.scripted import write_script

PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=60, sock_read=60)
PAUSE_SECONDS = 0.05
MUCH = "n=30000 pace=0 say=8J+YgPCfmIDwn5iA8J+YgA"
"""Half a megabyte of four-byte characters: more than `stalled` lets through."""
LOST = (aiohttp.ClientError, ConnectionError, TimeoutError)


def truth(prompt: str) -> str:
    """The whole text of the scripted answer."""
    asked = ChatMessage(role="user", content=prompt)
    return "".join(write_script(EngineRequest("", "", [asked]), 0.02, 40).text)


@dataclass(slots=True)
class Reader:
    """One page: what it shows, and what it went through."""

    session: aiohttp.ClientSession
    urls: list[str]
    generation: str = ""
    text: str = ""
    cursor: int = 0
    end: dict[str, Any] | None = None
    names: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Answers no client of a healthy site should get."""
    reconnects: int = 0
    rewinds: int = 0
    """How often text it showed was taken back."""
    longest_wait: float = 0
    """Seconds without anything new."""
    attempts: set[int] = field(default_factory=set)
    first: int = 0
    """At which of the places it begins."""
    _heard: float = field(default_factory=time.monotonic)

    async def ask(self, prompt: str) -> Reader:
        """POST until it is accepted, then read to the end."""
        body = {"prompt": prompt}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for url in self._places():
            if self.generation or self.end:
                break
            try:
                async with self.session.post(
                    f"{url}/api/chat/stream", json=body, headers=headers
                ) as response:
                    self.generation = response.headers.get("X-Generation-Id", "")
                    await self._read(response)
            except LOST:
                await self._lost()
        return await self.follow()

    async def follow(self) -> Reader:
        """Until the end, from wherever an answer comes."""
        for url in self._places():
            if self.end is not None:
                break
            await self.connect(url)
        return self

    async def connect(self, url: str) -> None:
        """Once, until the end or until the connection is lost."""
        try:
            async with self.session.get(
                f"{url}/api/generations/{self.generation}/stream",
                headers={"Last-Event-ID": str(self.cursor)},
            ) as response:
                await self._read(response)
        except LOST:
            await self._lost()

    def _places(self) -> itertools.cycle[str]:
        first = self.first % len(self.urls)
        return itertools.cycle(self.urls[first:] + self.urls[:first])

    async def _lost(self) -> None:
        self.reconnects += 1
        await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            self.problems.append(f"HTTP {response.status}")
            return await self._lost()
        decoder = sse.Decoder()
        async for data in response.content.iter_any():
            for frame in decoder.feed(data):
                self.take(int(frame.id), frame.event, json.loads(frame.data))
            if self.end is not None:
                return None
        # A clean end without the last event: this process restarts.
        return await self._lost()

    def take(self, seq: int, name: str, data: dict[str, Any]) -> None:
        if seq <= self.cursor:
            return
        now = time.monotonic()
        self.longest_wait = max(self.longest_wait, now - self._heard)
        self._heard, self.cursor = now, seq
        self.names.append(name)
        if name == "delta":
            self.text += data.get("text", "")
        elif name == "snapshot":
            self.rewinds += not data["text"].startswith(self.text)
            self.text = data["text"]
        elif name == "start":
            self.attempts.add(data["attempt"])
        elif name in ("done", "error"):
            self.end = data


@asynccontextmanager
async def stalled(url: str, key: str, prompt: str) -> AsyncIterator[str]:
    """A client that reads the headers and then no more; its generation."""
    body = json.dumps({"prompt": prompt}).encode()
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"POST /api/chat/stream HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # Small packets keep the kernel's buffer on the other side small too.
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    with client:
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(client, head.encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += await loop.sock_recv(client, 512)
        yield got.lower().partition(b"x-generation-id: ")[2][:36].decode()


@asynccontextmanager
async def caller(key: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        # One that is kept may be closed by the server just as it is used again.
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        headers={"Authorization": f"Bearer {key}"},
        timeout=PATIENCE,
    ) as session:
        yield session
