"""Events as `chat.completion.chunk` frames, and a whole `chat.completion`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ... import tool_calls
from ...events import Delta, Done, Failed, Sequenced, Snapshot
from ..forward import Progressing
from .errors import in_stream

DONE = b"data: [DONE]\n\n"
REASONS = ("length", "content_filter", "tool_calls")


encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` with these arguments makes one for every call."""


def data(value: Any) -> bytes:
    return f"data: {encode(value)}\n\n".encode(errors="replace")


def finish_reason(reason: str) -> str:
    """A stopped answer ended, too: OpenAI has no word for it."""
    return reason if reason in REASONS else "stop"


class ChatChunks:
    """role, content, …, finish reason, usage if asked for, `[DONE]`."""

    def __init__(
        self, name: str, model: str, created: int, *, include_usage: bool
    ) -> None:
        self._head: dict[str, Any] = {
            "id": name,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._include_usage = include_usage
        # All of a chunk but its delta and its finish reason.
        self._before = (
            f'data: {encode(self._head)[:-1]},"choices":[{{"index":0,"delta":'
        )
        self._after = '}],"usage":null}' if include_usage else "}]}"
        self._said = Progressing()
        self._begun = False

    def encode(self, events: Iterable[Sequenced]) -> bytes:
        return b"".join(self._frames(event) for _seq, event in events)

    def fail(self, failed: Failed) -> bytes:
        return data(in_stream(failed))

    def _frames(self, event: Any) -> bytes:
        frames = b""
        if not self._begun:
            self._begun = True
            frames = self._chunk({"role": "assistant", "content": ""})
        if isinstance(event, Delta | Snapshot):
            return frames + self._delta(self._said.take(event))
        if isinstance(event, Done):
            return frames + self._end(event)
        if isinstance(event, Failed):
            return frames + self.fail(event)
        return frames

    def _delta(self, new: Delta) -> bytes:
        parts = {"reasoning_content": new.reasoning, "content": new.text}
        said: dict[str, Any] = {name: part for name, part in parts.items() if part}
        if new.tool_calls:
            said["tool_calls"] = [tool_calls.delta(piece) for piece in new.tool_calls]
        return self._chunk(said) if said else b""

    def _end(self, done: Done) -> bytes:
        self._said.end(done)
        frames = self._chunk({}, finish_reason(done.finish_reason))
        if self._include_usage:
            frames += data({**self._head, "choices": [], "usage": dict(done.usage)})
        return frames + DONE

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        said = f'{encode(delta)},"finish_reason":{encode(reason)}'
        return f"{self._before}{said}{self._after}\n\n".encode(errors="replace")


def completion(
    name: str,
    model: str,
    created: int,
    said: Snapshot,
    reason: str,
    usage: Mapping[str, int],
) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": said.text or (None if said.tool_calls else ""),
        "refusal": None,
    }
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if said.tool_calls:
        message["tool_calls"] = tool_calls.stored(said.tool_calls)
    return {
        "id": name,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": finish_reason(reason),
            }
        ],
        "usage": dict(usage),
    }
