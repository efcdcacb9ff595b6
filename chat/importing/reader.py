"""A large JSON file, one conversation at a time: memory is bounded by the largest.

Two outlines are known: a list of conversations, and an object with such a list under
`conversations`. What else the object has is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import ijson
from django.utils.translation import gettext_lazy as _
from ijson.common import ObjectBuilder

from ..exporting.document import FORMAT, VERSION
from .node import MisfitError, Node

LIST = "conversations"
MAX_CONVERSATIONS = 100_000
MAX_NESTING = 64
MAX_SIZE = 32_000_000
"""Of one conversation: characters, and some for each value."""
VALUE = 20
BOM = b"\xef\xbb\xbf"
OPENING = ("start_map", "start_array")
CLOSING = ("end_map", "end_array")
Event = tuple[str, Any]
Events = Iterator[Event]


def conversations(stream: IO[bytes]) -> Iterator[Node | MisfitError]:
    """Each conversation, or what is wrong with it as a piece of JSON.

    Raises MisfitError when the file as a whole is none, or ends in the middle.
    """
    place = LIST
    try:
        events: Events = ijson.basic_parse(_WithoutBom(stream), use_float=True)
        _open_list(events)
        for number, first in enumerate(events):
            if first[0] == "end_array":
                return
            place = f"{LIST}[{number}]"
            if number >= MAX_CONVERSATIONS:
                raise MisfitError(place, _("The file has too many conversations."))
            yield _element(first, events, place)
    except ijson.JSONError as error:
        raise MisfitError(
            place, _("Here the file is not valid JSON, or it ends too early.")
        ) from error


class _WithoutBom:
    """The stream, which can only be read, without the mark some editors put first."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._head = stream.read(len(BOM)).removeprefix(BOM)

    def read(self, size: int = -1) -> bytes:
        if size and self._head:
            head, self._head = self._head, b""
            return head
        return self._stream.read(size)


def _open_list(events: Events) -> None:
    """Go to where the list's first element is next."""
    depth, key = 0, ""
    for event, value in events:
        if event == "start_array" and (depth == 0 or (depth == 1 and key == LIST)):
            return
        if depth == 1 and event == "map_key":
            key = value
        elif depth == 1 and key in ("format", "version"):
            _check_head(key, value)
        depth += (event in OPENING) - (event in CLOSING)
    raise MisfitError(LIST, _("The file has no list of conversations."))


def _check_head(key: str, value: Any) -> None:
    if key == "format" and value != FORMAT:
        raise MisfitError(key, _("This format is not known."))
    if key == "version" and value != VERSION:
        raise MisfitError(
            key, _("This file was written by another version of Chatsite.")
        )


def _element(first: Event, events: Events, place: str) -> Node | MisfitError:
    """Read one whole, even if it turns out to be too much to keep."""
    builder, depth, size, fits = ObjectBuilder(), 0, 0, True
    event, value = first
    while True:
        size += VALUE + (len(value) if isinstance(value, str) else 0)
        depth += event in OPENING
        fits = fits and size <= MAX_SIZE and depth <= MAX_NESTING
        if fits:
            builder.event(event, value)
        depth -= event in CLOSING
        if depth == 0:
            break
        event, value = next(events)
    if fits:
        return Node(builder.value, place)
    return MisfitError(place, _("This conversation is too large or nested too deeply."))
