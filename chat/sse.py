"""Server-Sent Events: bytes out and bytes in. Pure: no Django, no I/O.

WHATWG HTML, section 9.2. A frame is `id`, `event`, one `data` line of JSON and a
blank line; JSON keeps newlines, Chinese and backslashes safe inside that line.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .events import Delta, Event, Sequenced, merge

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
HEARTBEAT = b": ping\n"
"""A comment line. No blank line after it: that would dispatch an empty event in
parsers that never forget the last id (the OpenAI SDK, httpx-sse)."""
JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
QUOTED = json.encoder.encode_basestring
"""A string as JSON, as `JSON` has it."""
LINE_END = re.compile(r"\r\n|\n|\r")
DATA = b"data: "
BETWEEN = "\n\ndata: "
"""Two frames of one `data` line each."""


def retry(milliseconds: int) -> bytes:
    """How long a client waits before it reconnects; a part of the next frame."""
    return b"retry: %d\n" % milliseconds


def encode(seq: int, event: Event) -> bytes:
    if (
        type(event) is Delta
        and event.text
        and not (event.reasoning or event.tool_calls)
    ):
        data = f'{{"text":{QUOTED(event.text)}}}'  # as nearly all are, at a tenth
    else:
        data = JSON.encode(event.data())
    return f"id: {seq}\nevent: {event.name}\ndata: {data}\n\n".encode(
        # A lone surrogate (half of a broken pair) has no UTF-8 form.
        errors="replace"
    )


def encode_all(events: Sequence[Sequenced]) -> bytes:
    """All that is new as one write; neighbouring deltas become one frame."""
    if len(events) == 1:
        return encode(*events[0])
    return b"".join(encode(seq, event) for seq, event in merge(events))


class Frame(NamedTuple):
    """A dispatched event. `id` is the last one seen so far (they are sticky)."""

    event: str = "message"
    data: str = ""
    id: str = ""


@dataclass(slots=True)
class Decoder:
    """Frames from bytes that may be cut anywhere.

    `retry` is the last reconnection time in milliseconds the server asked for.
    What is left when the body ends before a blank line is no event.
    """

    retry: int | None = None
    last_id: str = ""
    _utf8: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8-sig")("replace")
    )
    _rest: str = ""
    _event: str = ""
    _data: list[str] = field(default_factory=list)
    _fresh: bool = False
    """The last line was a blank one, and complete; but for what is held."""
    _held: bytes = b""
    """The beginning of a frame, behind others that were simple."""

    def feed(self, data: bytes) -> list[Frame]:
        if self._fresh:
            data, self._held = self._held + data, b""
            whole, end, rest = data.rpartition(b"\n\n")
            if end and (simple := self._simple(whole)) is not None:
                self._held = rest
                return simple
        frames: list[Frame] = []
        for line in self._lines(self._utf8.decode(data)):
            if line:
                self._take(line)
            elif (frame := self._dispatch()) is not None:
                frames.append(frame)
        self._fresh = data[-1:] == b"\n" and not (
            self._rest or self._data or self._event
        )
        return frames

    def _simple(self, data: bytes) -> list[Frame] | None:
        """Frames of one `data` line each, as engines send them, in a third of the
        time. None: something else is among them."""
        if b"\r" in data or not data.startswith(DATA):
            return None
        frames: list[Frame] = []
        for text in data[len(DATA) :].decode(errors="replace").split(BETWEEN):
            if not text or "\n" in text:
                return None
            frames.append(Frame("message", text, self.last_id))
        return frames

    def _lines(self, text: str) -> list[str]:
        """The complete lines; a CR at the very end may be half of a CRLF."""
        text = self._rest + text
        held = "\r" if text.endswith("\r") else ""
        *lines, rest = LINE_END.split(text.removesuffix(held) if held else text)
        self._rest = rest + held
        return lines

    def _take(self, line: str) -> None:
        name, colon, value = line.partition(":")
        if not name and colon:
            return
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value[-18:])

    def _dispatch(self) -> Frame | None:
        data, event = "\n".join(self._data), self._event
        self._data, self._event = [], ""
        if not data:
            return None
        return Frame(event=event or "message", data=data, id=self.last_id)
