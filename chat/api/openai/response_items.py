"""The events of a response's output items, numbered. Pure.

An item knows where its numbers begin. Each character of it counts one, and each event
that is no delta.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from ...events import Snapshot
from ...tool_calls import CallPiece
from .outputs import (
    Json,
    Names,
    call_item,
    message_item,
    reasoning_item,
    reasoning_part,
    text_part,
)

Numbered = tuple[int, str, Json]


class Item(ABC):
    """`head` and `tail`: how many events come before and behind its characters."""

    kind: str
    head: int
    tail: int

    def __init__(self, names: Names, place: int, base: int) -> None:
        self._names, self._base, self._size = names, base, 0
        self._place: Json = {"output_index": place}

    @property
    def end(self) -> int:
        """The first number behind it."""
        return self._base + self.head + self._size + self.tail

    def add(self, text: str) -> Numbered:
        """A delta carries the number of its last character."""
        self._size += len(text)
        number = self._base + self.head - 1 + self._size
        return number, f"response.{self.kind}.delta", {**self._at, "delta": text}

    @abstractmethod
    def begin(self) -> Iterator[Numbered]:
        """What tells that it is there."""

    @abstractmethod
    def close(self, said: Snapshot, status: str) -> Iterator[Numbered]:
        """What tells that it is over, with all of it."""

    @property
    @abstractmethod
    def _at(self) -> Json:
        """Where a delta belongs."""

    def _item(self, number: int, name: str, item: Json) -> Numbered:
        place = {**self._place, "item": item}
        return number, f"response.output_item.{name}", place


class TextItem(Item):
    """An item with one part: added, part added, …, text, part and item done."""

    head, tail = 2, 3
    make_item: Any
    make_part: Any

    def begin(self) -> Iterator[Numbered]:
        item = self.make_item(self._names, None, "in_progress")
        yield self._item(self._base, "added", item)
        yield self._part(self._base + 1, "added", "")

    def close(self, said: Snapshot, status: str) -> Iterator[Numbered]:
        text, number = self._text(said), self._base + self.head + self._size
        yield number, f"response.{self.kind}.done", {**self._at, "text": text}
        yield self._part(number + 1, "done", text)
        item = self.make_item(self._names, text, status)
        yield self._item(number + 2, "done", item)

    @abstractmethod
    def _text(self, said: Snapshot) -> str:
        """Its part of all that was said."""

    def _part(self, number: int, name: str, text: str) -> Numbered:
        at = {key: value for key, value in self._at.items() if key != "logprobs"}
        part = {**at, "part": self.make_part(text)}
        return number, f"response.content_part.{name}", part


class ReasoningItem(TextItem):
    kind = "reasoning_text"
    make_item = staticmethod(reasoning_item)
    make_part = staticmethod(reasoning_part)

    def _text(self, said: Snapshot) -> str:
        return said.reasoning

    @property
    def _at(self) -> Json:
        return {"item_id": self._names.reasoning, **self._place, "content_index": 0}


class MessageItem(TextItem):
    kind = "output_text"
    make_item = staticmethod(message_item)
    make_part = staticmethod(text_part)

    def _text(self, said: Snapshot) -> str:
        return said.text

    @property
    def _at(self) -> Json:
        place = {"item_id": self._names.message, **self._place, "content_index": 0}
        return {**place, "logprobs": []}


class CallItem(Item):
    """A call of a function: added, …, arguments and item done."""

    kind = "function_call_arguments"
    head, tail = 1, 2

    def __init__(self, names: Names, place: int, base: int, call: CallPiece) -> None:
        super().__init__(names, place, base)
        self.index = call.index
        self._call = call

    def begin(self) -> Iterator[Numbered]:
        begun = CallPiece(self.index, self._call.id, self._call.name)
        item = call_item(self._names, begun, "in_progress")
        yield self._item(self._base, "added", item)

    def close(self, said: Snapshot, status: str) -> Iterator[Numbered]:
        call = next(call for call in said.tool_calls if call.index == self.index)
        number = self._base + self.head + self._size
        done = {**self._at, "name": call.name, "arguments": call.arguments}
        yield number, f"response.{self.kind}.done", done
        yield self._item(number + 1, "done", call_item(self._names, call, status))

    @property
    def _at(self) -> Json:
        return {"item_id": self._names.call(self.index), **self._place}
