"""Calls of tools as values: the pieces an engine streams, and the calls they make.

Pure. The wire shape is OpenAI's everywhere: `{"id", "type": "function", "function":
{"name", "arguments"}}`, with `index` in what is streamed. `arguments` is JSON as
text, and not complete before the answer ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallPiece:
    """What is new of one call. Its first piece has `id` and `name`, the others add
    to the arguments. A whole call is the one piece that all of its pieces make.

    `tokens`, which are not on the wire: those it came from.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    tokens: int = 0

    def __len__(self) -> int:
        return len(self.id) + len(self.name) + len(self.arguments)


Calls = tuple[CallPiece, ...]


def joined(pieces: Iterable[CallPiece]) -> Calls:
    """One piece for each call, in the order they began."""
    parts: dict[int, list[CallPiece]] = {}
    for piece in pieces:
        parts.setdefault(piece.index, []).append(piece)
    return tuple(_join(of_one) for of_one in parts.values())


def _join(pieces: Sequence[CallPiece]) -> CallPiece:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    return replace(
        first,
        arguments="".join(piece.arguments for piece in pieces),
        tokens=sum(piece.tokens for piece in pieces),
    )


def delta(piece: CallPiece) -> Json:
    """As it is streamed."""
    if not piece.id:
        return {"index": piece.index, "function": {"arguments": piece.arguments}}
    return {"index": piece.index, **whole(piece)}


def whole(call: CallPiece) -> Json:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def stored(calls: Iterable[CallPiece]) -> list[Json] | None:
    """As a message has them; None where there are none."""
    return [whole(call) for call in calls] or None


def of_stored(calls: Sequence[Mapping[str, Any]] | None) -> Calls:
    return tuple(
        CallPiece(
            place, call["id"], call["function"]["name"], call["function"]["arguments"]
        )
        for place, call in enumerate(calls or ())
    )


def of_wire(calls: Iterable[Mapping[str, Any]]) -> Calls:
    """What `delta` made."""
    return tuple(
        CallPiece(
            call["index"],
            call.get("id", ""),
            call["function"].get("name", ""),
            call["function"]["arguments"],
        )
        for call in calls
    )


def lines(pieces: Iterable[CallPiece]) -> str:
    """For a checkpoint, which can only be added to: a line of JSON each."""
    return "".join(f"{json.dumps(packed(piece))}\n" for piece in joined(pieces))


def of_lines(text: str) -> Calls:
    return joined(unpacked(json.loads(line)) for line in text.splitlines())


def packed(piece: CallPiece) -> list[Any]:
    return [piece.index, piece.id, piece.name, piece.arguments, piece.tokens]


def unpacked(values: Sequence[Any]) -> CallPiece:
    return CallPiece(*values)


def can_be_made(calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all arguments are complete: an answer that was cut may end in one."""
    try:
        for call in calls:
            json.loads(call["function"]["arguments"] or "{}")
    except ValueError:
        return False
    return True
