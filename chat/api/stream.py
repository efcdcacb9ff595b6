"""A generation as an SSE response: it only reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing

from django.http import StreamingHttpResponse

from .. import process, sse
from ..events import Sequenced
from ..follow import follow
from ..models import Generation
from .by_sentence import by_sentence

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
    tape = process.current().tape
    sentences = generation.params.get("chunking") == "sentence"
    read, encode = (by_sentence, each) if sentences else (follow, sse.encode_all)
    batches = read(tape, generation, after)
    async with aclosing(batches):
        async for events in batches:
            yield encode(events) if events else sse.HEARTBEAT


def each(events: Iterable[Sequenced]) -> bytes:
    """A frame for every event: sentences stay apart."""
    return b"".join(sse.encode(seq, event) for seq, event in events)
