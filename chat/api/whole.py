"""A generation for clients of the other dialects: as a stream, or all at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from .. import sse
from ..errors import ChatError
from ..events import (
    Done,
    Event,
    Failed,
    Sequenced,
    Snapshot,
    fold,
    is_terminal,
    merge,
)
from ..follow import follow, reread
from ..models import Generation
from ..running import process
from .forward import Rewound

REWOUND = Failed(
    "rewound",
    "The server that wrote this answer stopped, and the new one says it differently.",
    retryable=True,
)
CLOSING = Failed(
    "restarting",
    "The server restarts. The answer is still being written: X-Generation-Id names it.",
    retryable=True,
)


class Encoder(Protocol):
    """Turns events into a dialect's frames. May raise `Rewound`."""

    def encode(self, events: Iterable[Sequenced]) -> bytes: ...

    def fail(self, failed: Failed) -> bytes:
        """The end of a stream that cannot go on."""
        ...


async def encoded(generation: Generation, encoder: Encoder) -> AsyncGenerator[bytes]:
    """The stream of a dialect. Headers and a comment go out at once: a client that
    has seen them does not ask again. It never ends without saying how it ended."""
    yield sse.HEARTBEAT
    batches = follow(process.current().tape, generation)
    async with aclosing(batches):
        async for events in batches:
            try:
                frames = encoder.encode(merge(events))
            except Rewound:
                yield encoder.fail(REWOUND)
                return
            if frames or not events:
                yield frames or sse.HEARTBEAT
            if events and is_terminal(events[-1][1]):
                return
    yield encoder.fail(CLOSING)


@dataclass(frozen=True, slots=True)
class Whole:
    """A finished answer. What it said may not be in the row (`store` off)."""

    row: Generation
    said: Snapshot


async def whole(generation: Generation) -> Whole:
    """Wait for the end. Raises `ChatError` when the answer failed."""
    heard: list[Event] = []
    async for events in follow(process.current().tape, generation):
        for _seq, event in events:
            if isinstance(event, Failed):
                raise failure(event)
            if isinstance(event, Done):
                row = await reread(generation)
                row.params = generation.params  # what is not to be stored is gone
                return Whole(row, fold(Snapshot(), heard))
            heard.append(event)
    raise failure(CLOSING)


def failure(failed: Failed) -> ChatError:
    """What a client may try again is a 503."""
    status, headers = 500, {"x-should-retry": "false"}
    if failed.retryable:
        status, headers = 503, {"Retry-After": "2"}
    if failed.code in ("context_too_long", "engine_refused", "content_filter"):
        status = 400
    return ChatError(failed.message, code=failed.code, status=status, headers=headers)
