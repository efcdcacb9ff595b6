"""Events as the events of a response. Pure, but for the row's end.

Every event's `sequence_number` is its place in one canonical stream, in which each
character of text and each event that is no delta counts one. So the number is the
same however the text was cut, and whoever asks for what follows a number gets
exactly that, out of the whole text.

    created 0, queued 1, in_progress 2,
    the reasoning, if there is any: added, part, its characters, done, part, item,
    the answer:                     added, part, its characters, done, part, item,
    completed | failed | incomplete
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from ... import process, sse
from ...events import Delta, Done, Failed, Snapshot
from ...follow import follow, reread
from ...models import Generation
from ..forward import Progressing, Rewound
from ..whole import CLOSING, REWOUND
from .chunks import encode
from .outputs import (
    Json,
    Names,
    message_item,
    reasoning_item,
    reasoning_part,
    response,
    text_part,
)

Numbered = tuple[int, str, Json]
FIRST_ITEM = 3


class Item:
    """One output item: its events, numbered from `base`."""

    def __init__(self, names: Names, kind: str, index: int, base: int) -> None:
        self._names, self._kind, self._index, self._base = names, kind, index, base
        self._open = True
        self.size = 0

    @property
    def end(self) -> int:
        """The first number behind it."""
        return self._base + self.size + 5

    def begin(self) -> Iterator[Numbered]:
        yield self._base, "response.output_item.added", self._item(None, "in_progress")
        yield self._base + 1, "response.content_part.added", self._part("")

    def add(self, text: str) -> Numbered:
        """A delta carries the number of its last character."""
        self.size += len(text)
        number = self._base + 1 + self.size
        return number, f"response.{self._name}.delta", {**self._place, "delta": text}

    def close(self, text: str, status: str) -> Iterator[Numbered]:
        if not self._open:
            return
        self._open = False
        number = self._base + 2 + self.size
        yield number, f"response.{self._name}.done", {**self._place, "text": text}
        yield number + 1, "response.content_part.done", self._part(text)
        yield number + 2, "response.output_item.done", self._item(text, status)

    @property
    def _name(self) -> str:
        return "reasoning_text" if self._kind == "reasoning" else "output_text"

    @property
    def _place(self) -> Json:
        reasons = self._kind == "reasoning"
        name = self._names.reasoning if reasons else self._names.message
        place = {"item_id": name, "output_index": self._index, "content_index": 0}
        return place if reasons else {**place, "logprobs": []}

    def _part(self, text: str) -> Json:
        make = reasoning_part if self._kind == "reasoning" else text_part
        place = {key: part for key, part in self._place.items() if key != "logprobs"}
        return {**place, "part": make(text)}

    def _item(self, text: str | None, status: str) -> Json:
        make = reasoning_item if self._kind == "reasoning" else message_item
        return {
            "output_index": self._index,
            "item": make(self._names, text, status),
        }


class ResponseEvents:
    def __init__(self, row: Generation) -> None:
        self._row = row
        self._names = Names(row.pk.hex)
        self._said = Progressing()
        self._reasoning: Item | None = None
        self._message: Item | None = None

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
        # Reasoning behind the first text has no place in the order; it is in the end.
        if new.reasoning and self._message is None:
            if self._reasoning is None:
                self._reasoning = Item(self._names, "reasoning", 0, FIRST_ITEM)
                yield from self._reasoning.begin()
            yield self._reasoning.add(new.reasoning)
        if new.text:
            yield from self._answer()
            assert self._message is not None
            yield self._message.add(new.text)

    def _answer(self) -> Iterator[Numbered]:
        """Open the answer, if it is not; the reasoning is over then."""
        if self._message is not None:
            return
        index, base = 0, FIRST_ITEM
        if self._reasoning is not None:
            yield from self._close(self._reasoning, "completed")
            index, base = 1, self._reasoning.end
        self._message = Item(self._names, "message", index, base)
        yield from self._message.begin()

    def _close(self, item: Item, status: str) -> Iterator[Numbered]:
        said = self._said.reasoning if item is self._reasoning else self._said.text
        yield from item.close(said.whole(), status)

    def end(self, row: Generation) -> Iterator[Numbered]:
        shown = response(row, self._said.text.whole(), self._said.reasoning.whole())
        complete = shown["status"] == "completed"
        if complete:
            yield from self._answer()
        last = self._message or self._reasoning
        if last is not None:
            yield from self._close(last, "completed" if complete else "incomplete")
        name = shown["status"] if shown["status"] in ENDS else "incomplete"
        number = last.end if last is not None else FIRST_ITEM
        yield number, f"response.{name}", {"response": shown}

    def fail(self, failed: Failed) -> Numbered:
        """The stream ends, though the response does not."""
        size = sum(item.end for item in (self._reasoning, self._message) if item)
        said = {"code": failed.code, "message": failed.message, "param": None}
        return FIRST_ITEM + size, "error", said


ENDS = ("completed", "failed", "incomplete")


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
            for _seq, event in batch:
                if isinstance(event, Delta | Snapshot):
                    try:
                        data += frames(events.add(event), after)
                    except Rewound:
                        yield frame(*events.fail(REWOUND))
                        return
                elif isinstance(event, Done | Failed):
                    row = await reread(generation)
                    yield data + frames(events.end(row), after)
                    return
            if data:
                yield data
    yield frame(*events.fail(CLOSING))
