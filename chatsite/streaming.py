"""An event stream on its way out. It keeps nothing of its request and response: open
for minutes, it would hold on to both, and they are larger than all the rest of it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from django.http.response import HttpResponseBase

from chat.api.stream import EventStream

WRITE_BYTES = 64 * 1024
"""One write at most: what is buffered for a client that does not read."""
BODY = "http.response.body"
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def begin(response: EventStream, send: Send) -> AsyncGenerator[bytes]:
    """Send its head, and close it; what it will say."""
    headers = head(response)
    status = response.status_code
    parts = aiter(response)
    response.close()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    return parts


def head(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    headers = [
        (name.encode("ascii"), value.encode("latin1"))
        for name, value in response.items()
    ]
    cookies = [cookie.output(header="") for cookie in response.cookies.values()]
    return headers + [(b"Set-Cookie", cookie.strip().encode()) for cookie in cookies]


def forget_headers(scope: Mapping[str, Any]) -> None:
    """The server keeps this list until the answer is complete. Others keep theirs."""
    if isinstance(headers := scope["headers"], list):
        headers.clear()


async def pass_on(parts: AsyncGenerator[bytes], send: Send) -> None:
    """To the end, or until it is cancelled: either way the generator is closed."""
    async with aclosing(parts):
        async for part in parts:
            for start in range(0, len(part), WRITE_BYTES):
                body = part[start : start + WRITE_BYTES]
                await send({"type": BODY, "body": body, "more_body": True})
    await send({"type": BODY, "body": b"", "more_body": False})
