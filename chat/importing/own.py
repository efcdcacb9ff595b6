"""Chatsite's own format, version 1 (docs/export.md): nothing is lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from .draft import (
    MAX_MESSAGES,
    MAX_MODEL,
    MAX_TITLE,
    Draft,
    DraftMessage,
    in_order,
    tags,
)
from .node import Node

ROLES = ("user", "assistant", "system", "tool")
ENDS = ("done", "stopped", "failed")
MOMENTS = ("created", "started", "first_token", "finished")
MAX_COMMENT = 2000
MAX_PARAMS = 20


def recognises(conversation: Node) -> bool:
    return isinstance(conversation.value.get("messages"), list) and (
        "leaf" in conversation.value
    )


def read(conversation: Node) -> Draft:
    key = _uuid(conversation["id"])
    draft = Draft(
        origin=f"chatsite:{key}",
        own=key,
        title=conversation["title"].line(MAX_TITLE),
        messages=[],
        leaf=_reference(conversation["leaf"]),
        model=conversation["model"].line(MAX_MODEL),
        system_prompt=conversation["system_prompt"].text(),
        source="api" if conversation["source"].value == "api" else "web",
        pinned=conversation["pinned"].flag(),
        archived=conversation["archived"].flag(),
        tags=tags(conversation["tags"]),
        created=conversation["created"].moment(),
        updated=conversation["updated"].moment(),
    )
    conversation["messages"].at_most(MAX_MESSAGES)
    messages = [_message(node) for node in conversation["messages"].elements()]
    draft.skipped = sum(not message.role for message in messages)
    draft.messages = in_order(messages, conversation["messages"])
    return draft


def _uuid(node: Node) -> UUID:
    try:
        return UUID(node.text())
    except ValueError as error:
        raise node.misfit(_("This must be an id as Chatsite gives them.")) from error


def _reference(node: Node) -> str | None:
    return None if node.value is None else str(_uuid(node))


def _message(node: Node) -> DraftMessage:
    role = node["role"].text()
    job = _job(node["generation"])
    rating = node["feedback"]["rating"].value
    return DraftMessage(
        id=str(_uuid(node["id"])),
        parent=_reference(node["parent"]),
        role=role if role in ROLES else "",
        content=node["content"].text(),
        reasoning=node["reasoning"].text(),
        tool_calls=[_call(call) for call in node["tool_calls"].elements()] or None,
        tool_call_id=node["tool_call_id"].line(200),
        created=node["created"].moment(),
        status=_ended(node["status"].value),
        tokens=node["tokens"].number() or None,
        model=node["generation"]["model"].line(MAX_MODEL),
        job=job,
        rating=rating if rating in (1, -1) else 0,
        comment=node["feedback"]["comment"].text(MAX_COMMENT),
    )


def _call(node: Node) -> dict[str, Any]:
    """A call of a tool, in OpenAI's shape (`chat.tool_calls`)."""
    function = node["function"]
    called = {
        "name": function["name"].text(),
        "arguments": function["arguments"].text(),
    }
    return {"id": node["id"].line(200), "type": "function", "function": called}


def _job(node: Node) -> dict[str, Any]:
    """What a generation row keeps; none, if there was none."""
    if node.value is None:
        return {}
    usage = node["usage"]
    return {
        "status": _ended(node["status"].value),
        "finish_reason": node["finish_reason"].line(32),
        "error_code": node["error"].line(64),
        "params": _params(node["params"]),
        "prompt_tokens": usage["prompt_tokens"].number(),
        "completion_tokens": usage["completion_tokens"].number(),
        **{name: node[name].moment() for name in MOMENTS},
    }


def _ended(status: Any) -> str:
    """Nobody goes on with what was being written when the file was."""
    return status if status in ENDS else "stopped"


def _params(node: Node) -> dict[str, Any]:
    """For people to read. Nothing is done with them."""
    plain = {
        name[:40]: value
        for name, value in dict(node.value or {}).items()
        if isinstance(value, (bool, int, float))
    }
    return dict(list(plain.items())[:MAX_PARAMS])
