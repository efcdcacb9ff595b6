"""Events as the events of a response. Pure, but for the row's end.

Every event's `sequence_number` is its place in one canonical stream, in which each
character of text and each event that is no delta counts one. So the number is the
same however the text was cut, and whoever asks for what follows a number gets
exactly that, out of the whole text.

    created 0, queued 1, in_progress 2,
    the reasoning, if there is any: added, part, its characters, done, part, item,
    the answer, if there is any:    added, part, its characters, done, part, item,
    each call of a function:        added, its characters, done, item,
    completed | failed | incomplete

What comes behind its place in this order (text behind a call) is in the end alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from ... import sse
from ...events import Delta, Done, Failed, Snapshot
from ...follow import follow, reread
from ...models import Generation
from ...running import process
from ...tool_calls import CallPiece
from ..forward import Progressing, Rewound
from ..whole import CLOSING, REWOUND
from .chunks import encode
from .outputs import Json, Names, response
from .response_items import CallItem, Item, MessageItem, Numbered, ReasoningItem

FIRST_ITEM = 3
ENDS = ("completed", "failed", "incomplete")


class ResponseEvents:
    """Items come one after the other: one is open, those before it are complete."""

    def __init__(self, row: Generation) -> None:
        self._row = row
        self._names = Names(row.pk.hex)
        self._said = Progressing()
        self._open: Item | None = None
        self._items = 0

    def begin(self) -> Iterator[Numbered]:
        shown = response(self._row)
        shown["output"], shown["usage"] = [], None
        waiting = {**shown, "status": "queued"}
        running = {**shown, "status": "in_progress"}
        background = shown["background"]
        yield 0, "response.created", {"response": waiting if background else running}
        if background:
            yield 1, "response.queued", {"response": waiting}
        yield 2, "response.in_progress", {"response": running}

    def add(self, event: Delta | Snapshot) -> Iterator[Numbered]:
        new = self._said.take(event)
        if new.reasoning:
            yield from self._write(ReasoningItem, new.reasoning)
        if new.text:
            yield from self._write(MessageItem, new.text)
        for piece in new.tool_calls:
            yield from self._call(piece)

    def _write(
        self, kind: type[ReasoningItem | MessageItem], text: str
    ) -> Iterator[Numbered]:
        if not isinstance(self._open, kind):
            if isinstance(self._open, CallItem | MessageItem):
                return
            yield from self._begin(kind(self._names, self._items, self._end))
        assert self._open is not None
        yield self._open.add(text)

    def _call(self, piece: CallPiece) -> Iterator[Numbered]:
        if piece.id:
            item = CallItem(self._names, self._items, self._end, piece)
            yield from self._begin(item)
        is_open = isinstance(self._open, CallItem) and self._open.index == piece.index
        if piece.arguments and is_open and self._open is not None:
            yield self._open.add(piece.arguments)

    def _begin(self, item: Item) -> Iterator[Numbered]:
        yield from self._close("completed")
        self._open = item
        self._items += 1
        yield from item.begin()

    def _close(self, status: str) -> Iterator[Numbered]:
        if self._open is not None:
            yield from self._open.close(self._said.whole(), status)

    @property
    def _end(self) -> int:
        """The first number behind the items."""
        return FIRST_ITEM if self._open is None else self._open.end

    def end(self, row: Generation, event: Done | Failed) -> Iterator[Numbered]:
        if isinstance(event, Done):
            self._said.end(event)
        row.params = self._row.params  # what is not to be stored is gone from it
        shown = response(row, self._said.whole())
        complete = shown["status"] == "completed"
        if complete and not isinstance(self._open, MessageItem | CallItem):
            item = MessageItem(self._names, self._items, self._end)
            yield from self._begin(item)
        yield from self._close("completed" if complete else "incomplete")
        name = shown["status"] if shown["status"] in ENDS else "incomplete"
        yield self._end, f"response.{name}", {"response": shown}

    def fail(self, failed: Failed) -> Numbered:
        """The stream ends, though the response does not."""
        said = {"code": failed.code, "message": failed.message, "param": None}
        return self._end, "error", said


def frames(events: Iterator[Numbered], after: int) -> bytes:
    """Those behind a number, as SSE frames; a delta that lies on it is cut."""
    return b"".join(
        frame(number, name, behind(number, fields, after))
        for number, name, fields in events
        if number > after
    )


def behind(number: int, fields: Json, after: int) -> Json:
    if "delta" not in fields:
        return fields
    return {**fields, "delta": fields["delta"][-(number - after) :]}


def frame(number: int, name: str, fields: Json) -> bytes:
    said = {"type": name, "sequence_number": number, **fields}
    return f"event: {name}\ndata: {encode(said)}\n\n".encode(errors="replace")


async def stream(generation: Generation, after: int = -1) -> AsyncGenerator[bytes]:
    """What follows the number, to the end of the response."""
    yield sse.HEARTBEAT
    events = ResponseEvents(generation)
    yield frames(events.begin(), after)
    batches = follow(process.current().tape, generation)
    async with aclosing(batches):
        async for batch in batches:
            data = b"" if batch else sse.HEARTBEAT
            try:
                for _seq, event in batch:
                    if isinstance(event, Delta | Snapshot):
                        data += frames(events.add(event), after)
                    elif isinstance(event, Done | Failed):
                        row = await reread(generation)
                        yield data + frames(events.end(row, event), after)
                        return
            except Rewound:
                yield frame(*events.fail(REWOUND))
                return
            if data:
                yield data
    yield frame(*events.fail(CLOSING))
