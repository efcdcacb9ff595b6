"""Events as DashScope's `result` frames, and a whole result. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import tool_calls
from ...events import Delta, Done, Failed, Sequenced, Snapshot
from ...tool_calls import CallPiece
from ..forward import Progressing
from ..openai.chunks import encode
from .errors import code_of, status_of

Json = dict[str, Any]
NOT_YET = "null"
"""The finish reason while there is none: a string."""
REASONS = ("length", "tool_calls", "content_filter")


def finish_reason(reason: str) -> str:
    return reason if reason in REASONS else "stop"


def output(said: Snapshot | Delta, reason: str, *, message: bool) -> Json:
    """The `message` format, or the `text` format, which has the text alone."""
    if not message:
        return {"text": said.text, "finish_reason": reason}
    shown: Json = {"role": "assistant", "content": said.text}
    if said.reasoning:
        shown["reasoning_content"] = said.reasoning
    if said.tool_calls:
        shown["tool_calls"] = [called(piece) for piece in said.tool_calls]
    return {"choices": [{"message": shown, "finish_reason": reason}]}


def called(piece: CallPiece) -> Json:
    """Also a later piece has an id and a type there: an empty one."""
    return {"id": "", "type": "function", **tool_calls.delta(piece)}


def counted(usage: Mapping[str, int]) -> dict[str, int]:
    return {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
    }


class Frames:
    """Each frame has what is new, or all text so far if not `incremental`."""

    def __init__(self, request_id: str, *, message: bool, incremental: bool) -> None:
        self._request_id = request_id
        self._message = message
        self._incremental = incremental
        self._said = Progressing()
        self._number = 0
        self._tokens = 0

    def encode(self, events: Iterable[Sequenced]) -> bytes:
        return b"".join(self._frame(event) for _seq, event in events)

    def _frame(self, event: Any) -> bytes:
        if isinstance(event, Delta | Snapshot):
            new = self._said.take(event)
            self._tokens += event.tokens if isinstance(event, Delta) else 0
            return self._result(new, NOT_YET, self._usage()) if len(new) else b""
        if isinstance(event, Done):
            self._said.end(event)
            reason = finish_reason(event.finish_reason)
            return self._result(Delta(), reason, counted(event.usage))
        return self.fail(event) if isinstance(event, Failed) else b""

    def _usage(self) -> dict[str, int]:
        tokens = self._tokens
        return {"input_tokens": 0, "output_tokens": tokens, "total_tokens": tokens}

    def _result(self, new: Delta, reason: str, usage: dict[str, int]) -> bytes:
        shown = new if self._incremental else self._said.whole()
        said = {
            "output": output(shown, reason, message=self._message),
            "usage": usage,
            "request_id": self._request_id,
        }
        return self._lines("result", ":HTTP_STATUS/200", said)

    def fail(self, failed: Failed) -> bytes:
        status = status_of(failed)
        said = {
            "code": code_of(failed.code, status),
            "message": failed.message,
            "request_id": self._request_id,
        }
        return self._lines("error", f":HTTP_STATUS/{status}\nstatus:{status}", said)

    def _lines(self, event: str, status: str, said: Any) -> bytes:
        """No space behind the colons, one `data` line: the SDK reads it so."""
        self._number += 1
        lines = f"id:{self._number}\nevent:{event}\n{status}\ndata:{encode(said)}\n\n"
        return lines.encode(errors="replace")
