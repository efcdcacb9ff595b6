"""A client that goes while its request waits for a thread."""

from __future__ import annotations

import asyncio
from typing import Any

from django.http import HttpRequest

from chatsite.handler import OneHopHandler, keep_connections


async def test_a_thread_can_still_read_what_it_asked() -> None:
    keep_connections()  # Django's test client connects them again
    handler, seen = OneHopHandler(), []
    waits = asyncio.Event()

    async def responded(request: HttpRequest) -> Any:
        seen.append(request)
        waits.set()
        await asyncio.Future()

    handler._responded = responded
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/chat/stream",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    asked = iter([{"type": "http.request", "body": b'{"prompt": "hello"}'}])

    async def receive() -> dict[str, Any]:
        if (message := next(asked, None)) is not None:
            return message
        await waits.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(f"nobody is there: {message}")

    await handler(scope, receive, send)

    assert [request.body for request in seen] == [b'{"prompt": "hello"}']
    assert seen[0].META["CONTENT_LENGTH"] == "19"
