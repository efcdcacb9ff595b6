"""Raw connections to a server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from chat import sse
from tests.reading import Shown, sequenced


class Connection:
    """One HTTP/1.1 exchange, byte by byte."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.status = 0
        self.headers: dict[str, str] = {}
        self.data = b""
        self.complete = False
        """Whether the body ended as it should: with its terminating chunk."""

    async def open(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> Connection:
        """Send the request, and read the head of the answer."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"Authorization: Bearer {self.key}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.CancelledError:
            self.close()
            raise
        first, *rest = head.decode().rstrip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): text
            for name, _, text in (line.partition(": ") for line in rest)
        }
        return self

    async def chunk(self) -> bytes:
        """The next one of a chunked body; empty at its end."""
        try:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = (await self.reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            return b""
        self.complete = not data
        self.data += data
        return data

    async def rest(self) -> Connection:
        if "content-length" in self.headers:
            self.data = await self.reader.readexactly(
                int(self.headers["content-length"])
            )
            self.complete = True
        else:
            while await self.chunk():
                pass
        self.close()
        return self

    async def until(self, text: bytes) -> None:
        while text not in self.data:
            assert await self.chunk(), self.data

    def close(self) -> None:
        self.writer.close()

    @property
    def page(self) -> Shown:
        return Shown().take(sequenced(self.data))

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def cursor(self) -> str:
        decoder = sse.Decoder()
        list(decoder.feed(self.data))
        return decoder.last_id
