"""A generation as an SSE response: it only reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from .. import sse
from ..events import Sequenced, is_terminal
from ..follow import follow, started
from ..models import Generation
from ..running import process
from ..waiting import RETRY_MS, pause_ms
from .by_sentence import by_sentence
from .headers import headers_of

ASYNC = "respond-async"


class EventStream(StreamingHttpResponse):
    """Gives its generator itself, which the handler closes when the client is gone.

    Django's own iterator of a response drops what it was sending, and an async
    generator that is parked at `yield` would live until it is garbage collected.
    """

    def __init__(self, events: AsyncGenerator[bytes], generation: Generation) -> None:
        self._events = events
        super().__init__(events, headers=sse.HEADERS | headers_of(generation))

    def __aiter__(self) -> AsyncGenerator[bytes]:
        return self._events


def begun(request: HttpRequest, generation: Generation) -> HttpResponseBase:
    """The stream of what was just started; or, for a client that watches it over a
    connection it has already, only the data of its `start` (RFC 7240)."""
    if not prefers_async(request):
        return event_stream(generation)
    headers = {
        "Preference-Applied": ASYNC,
        "Location": f"/api/generations/{generation.pk}",
        **headers_of(generation),
    }
    return JsonResponse(started(generation).data(), status=202, headers=headers)


def prefers_async(request: HttpRequest) -> bool:
    wishes = request.headers.get("Prefer", "").lower().split(",")
    return any(wish.split(";")[0].strip() == ASYNC for wish in wishes)


def event_stream(generation: Generation, after: int = 0) -> EventStream:
    return EventStream(native(generation, after), generation)


async def native(generation: Generation, after: int) -> AsyncGenerator[bytes]:
    """The native dialect. The first write goes out at once, whatever happens then:
    `start` is there for those who read from the beginning, what follows may not be."""
    greeting = sse.retry(RETRY_MS) + sse.HEARTBEAT
    if after:
        yield greeting
        greeting = b""
    tape = process.current().tape
    sentences = generation.params.get("chunking") == "sentence"
    read, encode = (by_sentence, each) if sentences else (follow, sse.encode_all)
    batches, ended = read(tape, generation, after), False
    del generation  # open for long, it keeps only what it needs
    async with aclosing(batches):
        async for events in batches:
            ended = bool(events) and is_terminal(events[-1][1])
            yield greeting + (encode(events) if events else sse.HEARTBEAT)
            greeting = b""
    if not ended:
        yield sse.retry(pause_ms(tape.turned_away))


def each(events: Iterable[Sequenced]) -> bytes:
    """A frame for every event: sentences stay apart."""
    return b"".join(sse.encode(seq, event) for seq, event in events)
