"""A client's end of a WebSocket, on the test's own loop."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.testing import ApplicationCommunicator

from chatsite.asgi import application

Headers = list[tuple[bytes, bytes]]
PATIENCE = 60


class Socket:
    reason = ""

    def __init__(self, headers: Headers) -> None:
        scope = {
            "type": "websocket",
            "path": "/ws/",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), *headers],
            "subprotocols": [],
        }
        self._end = ApplicationCommunicator(application, scope)

    async def connect(self) -> bool:
        """Whether it was accepted."""
        await self._end.send_input({"type": "websocket.connect"})
        answer = await self._end.receive_output(PATIENCE)
        return bool(answer["type"] == "websocket.accept")

    async def say(self, text: str) -> None:
        await self._end.send_input({"type": "websocket.receive", "text": text})

    async def hears(self) -> Any:
        message = await self._end.receive_output(PATIENCE)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def hears_nothing(self, seconds: float) -> bool:
        return bool(await self._end.receive_nothing(seconds))

    async def lives(self) -> bool:
        await self.say("nonsense")
        return bool(await self.hears() == {"type": "error", "code": "invalid_message"})

    async def closes(self, after: str = "") -> int:
        """The code it is closed with, after messages of that type only; `reason` has
        what was said with it."""
        message = await self._end.receive_output(PATIENCE)
        while after and json.loads(message.get("text") or "{}").get("type") == after:
            message = await self._end.receive_output(PATIENCE)
        assert message["type"] == "websocket.close", message
        self.reason = message.get("reason") or ""
        return int(message["code"])

    async def leave(self) -> None:
        await self._end.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._end.wait(PATIENCE)


@asynccontextmanager
async def socket(headers: Headers, origin: bytes = b"") -> AsyncIterator[Socket]:
    found = Socket([*headers, (b"origin", origin)] if origin else headers)
    try:
        yield found
    finally:
        await found.leave()
