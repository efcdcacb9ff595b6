"""A file that is written while it is taken: no thread waits for whoever takes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from .database import in_bulk


class Download(StreamingHttpResponse):
    """`parts`: a plain generator of bytes, stepped from any thread."""

    def __init__(self, parts: Iterator[bytes], name: str, content_type: str) -> None:
        self._steps = steps(parts)
        super().__init__(self._steps, content_type=content_type)
        self.headers["Content-Disposition"] = content_disposition_header(True, name)
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._steps) as parts:
            async for part in parts:
                yield part


async def steps(parts: Iterator[bytes]) -> AsyncGenerator[bytes]:
    while (part := await in_bulk(next, parts, None)) is not None:
        yield part
