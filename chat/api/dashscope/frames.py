"""Events as DashScope's `result` frames, and a whole result. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...events import Delta, Done, Failed, Sequenced, Snapshot
from ..forward import Progressing
from ..openai.chunks import encode
from .errors import code_of, status_of

NOT_YET = "null"
"""The finish reason while there is none: a string."""
REASONS = {"length": "length"}


def finish_reason(reason: str) -> str:
    return REASONS.get(reason, "stop")


def output(text: str, reasoning: str, reason: str, *, message: bool) -> dict[str, Any]:
    """The `message` format, or the `text` format, which has no reasoning."""
    if not message:
        return {"text": text, "finish_reason": reason}
    said = {"role": "assistant", "content": text}
    if reasoning:
        said["reasoning_content"] = reasoning
    return {"choices": [{"message": said, "finish_reason": reason}]}


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
            reason = finish_reason(event.finish_reason)
            return self._result(Delta(), reason, counted(event.usage))
        return self.fail(event) if isinstance(event, Failed) else b""

    def _usage(self) -> dict[str, int]:
        tokens = self._tokens
        return {"input_tokens": 0, "output_tokens": tokens, "total_tokens": tokens}

    def _result(self, new: Delta, reason: str, usage: dict[str, int]) -> bytes:
        text, reasoning = new.text, new.reasoning
        if not self._incremental:
            text, reasoning = self._said.text.whole(), self._said.reasoning.whole()
        said = {
            "output": output(text, reasoning, reason, message=self._message),
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
