"""A generation as an SSE response: it only reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from django.http import StreamingHttpResponse

from .. import process, sse
from ..follow import follow
from ..models import Generation

RETRY_MS = 1000


class EventStream(StreamingHttpResponse):
    """Closes its generator when the client is gone.

    Django drops the iterator of a response it was sending, and an async generator
    that is parked at `yield` would live until it is garbage collected.
    """

    def __init__(self, events: AsyncGenerator[bytes], generation: Generation) -> None:
        self._events = events
        super().__init__(events, headers=sse.HEADERS)
        self.headers["X-Generation-Id"] = str(generation.pk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._events) as events:
            async for data in events:
                yield data


def event_stream(generation: Generation, after: int = 0) -> EventStream:
    return EventStream(native(generation, after), generation)


async def native(generation: Generation, after: int) -> AsyncGenerator[bytes]:
    """The native dialect. The first write goes out at once, whatever happens then."""
    yield sse.retry(RETRY_MS) + sse.HEARTBEAT
    batches = follow(process.current().tape, generation, after)
    async with aclosing(batches):
        async for events in batches:
            yield sse.encode_all(events) if events else sse.HEARTBEAT
