"""Response objects and their output items. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...events import Snapshot
from ...follow import usage
from ...models import Generation
from ...tool_calls import CallPiece

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

    def call(self, index: int) -> str:
        return f"fc_{self.key}_{index}"


def status_of(row: Generation) -> str:
    if row.status == "failed":
        return "failed"
    if row.status == "done":
        whole = row.finish_reason in ("stop", "tool_calls")
        return "completed" if whole else "incomplete"
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


def call_item(names: Names, call: CallPiece, status: str) -> Json:
    return {
        "id": names.call(call.index),
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def output(names: Names, said: Snapshot, status: str) -> list[Json]:
    """Only what was being written when it ended early is incomplete."""
    items: list[Json] = []
    if said.reasoning:
        items.append(reasoning_item(names, said.reasoning, "completed"))
    if said.text or (status == "completed" and not said.tool_calls):
        items.append(message_item(names, said.text, "completed"))
    items += [call_item(names, call, "completed") for call in said.tool_calls]
    if items and status != "completed":
        items[-1]["status"] = "incomplete"
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


def text_format(form: Json | None) -> Json:
    """As it was asked for: flat."""
    if form is None:
        return {"type": "text"}
    return {"type": form["type"], **(form.get("json_schema") or {})}


def flat_choice(choice: Json | str | None, *, tools: bool) -> Json | str:
    if isinstance(choice, dict):
        return {"type": "function", "name": choice["function"]["name"]}
    return choice or ("auto" if tools else "none")


def flat_tool(tool: Json) -> Json:
    blank = {"description": None, "parameters": None, "strict": None}
    return {"type": "function", **blank, **tool["function"]}


def asked(params: Json) -> Json:
    """What the request said, as the response repeats it."""
    call, tools = params.get("call") or {}, params.get("tools") or []
    parallel = params.get("parallel_tool_calls")
    return {
        "background": bool(call.get("background")),
        "max_output_tokens": params.get("max_tokens"),
        "metadata": call.get("metadata") or {},
        "parallel_tool_calls": bool(tools) if parallel is None else parallel,
        "previous_response_id": call.get("previous_response_id"),
        "reasoning": {"effort": params.get("reasoning_effort"), "summary": None},
        "temperature": params.get("temperature"),
        "text": {"format": text_format(params.get("response_format"))},
        "tool_choice": flat_choice(params.get("tool_choice"), tools=bool(tools)),
        "tools": [flat_tool(tool) for tool in tools],
        "top_p": params.get("top_p"),
    }


def response(row: Generation, said: Snapshot | None = None) -> Json:
    """The object, with as much of its output as is given."""
    names, status = Names(row.pk.hex), status_of(row)
    failed = {"code": "server_error", "message": row.error_message}
    return {
        "id": names.response,
        "object": "response",
        "created_at": int(row.created.timestamp()),
        "status": status,
        "error": failed if status == "failed" else None,
        "incomplete_details": incomplete(row, status),
        "instructions": row.conversation.system_prompt or None,
        "model": row.model,
        "output": output(names, said or Snapshot(), status),
        "service_tier": "default",
        "store": row.store,
        "truncation": "disabled",
        "usage": tokens(row),
        "user": None,
        **asked(row.params),
    }
