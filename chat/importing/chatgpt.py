"""ChatGPT's `conversations.json`: a tree of nodes under `mapping`.

One turn of the model is often many nodes there: thoughts, calls of tools, what those
said, and the answer. Here a turn is one message (`turns`). Images and sounds become a
word in brackets.
"""

from __future__ import annotations

import re

from .draft import (
    MAX_MESSAGES,
    MAX_MODEL,
    MAX_TITLE,
    Draft,
    DraftMessage,
    in_order,
    kept_above,
)
from .node import Node
from .turns import join

CITATION = re.compile("\ue200[^\ue201]*\ue201")
"""Marks of where a search result was cited; without that result they mean nothing."""
ROLES = {"user": "user", "assistant": "assistant", "tool": "assistant"}
MEDIA = ("image", "audio", "video")
SILENT = ("user_editable_context", "model_editable_context", "reasoning_recap")
"""Settings, and a line that says how long the model thought."""


def recognises(conversation: Node) -> bool:
    return "mapping" in conversation.value


def read(conversation: Node) -> Draft:
    key = conversation["conversation_id"].key() or conversation["id"].key()
    title = conversation["title"].line(MAX_TITLE)
    created = conversation["create_time"].moment()
    draft = Draft(
        origin=f"chatgpt:{key or f'{created} {title}'}",
        title=title,
        messages=[],
        model=conversation["default_model_slug"].line(MAX_MODEL),
        pinned=conversation["is_starred"].flag(),
        archived=conversation["is_archived"].flag(),
        created=created,
        updated=conversation["update_time"].moment(),
    )
    mapping = conversation["mapping"]
    mapping.at_most(MAX_MESSAGES)
    messages = [_message(key, node, draft) for key, node in mapping.members()]
    parents = {message.id: message.parent for message in messages}
    draft.messages, holders = join(in_order(messages, mapping), mapping)
    leaf = kept_above(conversation["current_node"].key(), parents, set(holders))
    draft.leaf = holders[leaf] if leaf else None
    return draft


def _message(key: str, node: Node, draft: Draft) -> DraftMessage:
    """A node; without a role if there is nothing in it for us."""
    said = node["message"]
    role = said["author"]["role"].text()
    metadata = said["metadata"]
    message = DraftMessage(
        id=key,
        parent=node["parent"].key(),
        role="",
        created=said["create_time"].moment(),
    )
    if metadata["is_visually_hidden_from_conversation"].flag():
        return message
    content, reasoning = _content(said["content"], draft)
    names = [each["name"].line(200) for each in metadata["attachments"].elements()]
    files = [f"[file: {name}]" for name in names if name and role == "user"]
    message.content = "\n\n".join(text for text in (*files, content) if text)
    message.reasoning = reasoning
    if not (message.content or reasoning):
        return message
    if role not in ROLES:
        draft.skipped += 1
    message.role = ROLES.get(role, "")
    if message.role == "assistant":
        message.model = metadata["model_slug"].line(MAX_MODEL)
    return message


def _content(content: Node, draft: Draft) -> tuple[str, str]:
    """Text and reasoning."""
    kind = content["content_type"].text()
    if kind in SILENT:
        return "", ""
    if kind == "thoughts":
        thoughts = [_thought(each) for each in content["thoughts"].elements()]
        return "", "\n\n".join(thoughts)
    if kind in ("code", "execution_output"):
        return _code(content), ""
    if kind == "tether_quote":
        return _quote(content), ""
    if content["parts"].value is not None:
        parts = [_part(each, draft) for each in content["parts"].elements()]
        return _clean("\n\n".join(part for part in parts if part)), ""
    if isinstance(content.value, dict) and kind and "text" not in content.value:
        draft.skipped += 1
    return _clean(content["text"].text()), ""


def _part(part: Node, draft: Draft) -> str:
    if isinstance(part.value, str):
        return part.text()
    kind = part["content_type"].text()
    if text := part["text"].text():
        return text
    for name in MEDIA:
        if name in kind:
            return f"[{name}]"
    draft.skipped += 1
    return ""


def _thought(thought: Node) -> str:
    parts = (thought["summary"].text(), thought["content"].text())
    return f"**{parts[0]}**\n\n{parts[1]}" if all(parts) else "".join(parts)


def _code(content: Node) -> str:
    text = content["text"].text()
    language = content["language"].line(40)
    if language == "unknown" or not re.fullmatch(r"[\w+#.-]*", language):
        language = ""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}" if text.strip() else ""


def _quote(content: Node) -> str:
    source = content["title"].line(MAX_TITLE) or content["url"].line(MAX_TITLE)
    lines = [f"> {line}" for line in content["text"].text().splitlines()]
    return "\n".join([source, "", *lines] if source else lines)


def _clean(text: str) -> str:
    return CITATION.sub("", text)
