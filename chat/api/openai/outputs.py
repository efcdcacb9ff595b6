"""Response objects and their output items. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...follow import usage
from ...models import Generation

Json = dict[str, Any]
STATUSES = {"queued": "queued", "running": "in_progress", "stopped": "cancelled"}


@dataclass(frozen=True, slots=True)
class Names:
    """The ids of a response and its items, all made from the generation's."""

    key: str

    @property
    def response(self) -> str:
        return f"resp_{self.key}"

    @property
    def message(self) -> str:
        return f"msg_{self.key}"

    @property
    def reasoning(self) -> str:
        return f"rs_{self.key}"


def status_of(row: Generation) -> str:
    if row.status == "failed":
        return "failed"
    if row.status == "done":
        return "completed" if row.finish_reason == "stop" else "incomplete"
    if row.is_live and row.stop_requested:
        return "cancelled"
    return STATUSES[row.status]


def reasoning_part(text: str) -> Json:
    return {"type": "reasoning_text", "text": text}


def text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning_item(names: Names, text: str | None, status: str) -> Json:
    """`text` None: just begun."""
    return {
        "id": names.reasoning,
        "type": "reasoning",
        "summary": [],
        "content": [] if text is None else [reasoning_part(text)],
        "status": status,
    }


def message_item(names: Names, text: str | None, status: str) -> Json:
    return {
        "id": names.message,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [] if text is None else [text_part(text)],
    }


def output(names: Names, text: str, reasoning: str, status: str) -> list[Json]:
    whole = "completed" if status == "completed" else "incomplete"
    items = [reasoning_item(names, reasoning, "completed")] if reasoning else []
    if text or status == "completed":
        items.append(message_item(names, text, whole))
    return items


def tokens(row: Generation) -> Json | None:
    if row.is_live:
        return None
    counts = usage(row)
    return {
        "input_tokens": counts["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts["total_tokens"],
    }


def incomplete(row: Generation, status: str) -> Json | None:
    if status != "incomplete":
        return None
    length = row.finish_reason == "length"
    return {"reason": "max_output_tokens" if length else "content_filter"}


def response(row: Generation, text: str = "", reasoning: str = "") -> Json:
    """The object, with as much of its output as is given."""
    names, status, params = Names(row.pk.hex), status_of(row), row.params
    call = params.get("call") or {}
    failed = {"code": "server_error", "message": row.error_message}
    return {
        "id": names.response,
        "object": "response",
        "created_at": int(row.created.timestamp()),
        "status": status,
        "background": bool(call.get("background")),
        "error": failed if status == "failed" else None,
        "incomplete_details": incomplete(row, status),
        "instructions": row.conversation.system_prompt or None,
        "max_output_tokens": params.get("max_tokens"),
        "metadata": call.get("metadata") or {},
        "model": row.model,
        "output": output(names, text, reasoning, status),
        "parallel_tool_calls": False,
        "previous_response_id": call.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": row.store,
        "temperature": params.get("temperature"),
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "top_p": params.get("top_p"),
        "truncation": "disabled",
        "usage": tokens(row),
        "user": None,
    }
