"""Open WebUI's export of chats: a tree of messages under `chat.history`.

Thoughts stand in the text there, as a `details` element; here they are apart. What
tools said goes; images become a word in brackets.
"""

from __future__ import annotations

import html
import re

from .draft import (
    MAX_MESSAGES,
    MAX_MODEL,
    MAX_TITLE,
    Draft,
    DraftMessage,
    in_order,
    kept_above,
    tags,
)
from .node import Node

ROLES = ("user", "assistant", "system")
DETAILS = re.compile(r"<details([^>]*)>(.*?)</details>\s*", re.DOTALL)
SUMMARY = re.compile(r"<summary>.*?</summary>\s*", re.DOTALL)
QUOTE = re.compile(r"^> ?", re.MULTILINE)
MAX_COMMENT = 2000


def recognises(conversation: Node) -> bool:
    return isinstance(conversation.value.get("chat"), dict)


def read(conversation: Node) -> Draft:
    chat = conversation["chat"]
    key = conversation["id"].key() or chat["id"].key()
    title = (conversation["title"].value and conversation["title"]) or chat["title"]
    created = conversation["created_at"].moment() or chat["timestamp"].moment()
    draft = Draft(
        origin=f"openwebui:{key or f'{created} {title.line(MAX_TITLE)}'}",
        title=title.line(MAX_TITLE),
        messages=[],
        model=_first(chat["models"]),
        system_prompt=chat["system"].text() or chat["params"]["system"].text(),
        pinned=conversation["pinned"].flag(),
        archived=conversation["archived"].flag(),
        tags=tags(conversation["meta"]["tags"]) or tags(chat["tags"]),
        created=created,
        updated=conversation["updated_at"].moment(),
    )
    where = chat["history"]["messages"]
    where.at_most(MAX_MESSAGES)
    messages = [_message(key, node, draft) for key, node in where.members()]
    if not messages:
        where = chat["messages"]
        where.at_most(MAX_MESSAGES)
        messages = _in_a_row(where, draft)
    parents = {message.id: message.parent for message in messages}
    draft.messages = in_order(messages, where)
    leaf = chat["history"]["currentId"].key() or (messages[-1].id if messages else None)
    draft.leaf = kept_above(leaf, parents, {m.id for m in draft.messages})
    return draft


def _first(models: Node) -> str:
    return next((model.line(MAX_MODEL) for model in models.elements()), "")


def _in_a_row(where: Node, draft: Draft) -> list[DraftMessage]:
    """Old chats have no tree: one message follows the other."""
    messages: list[DraftMessage] = []
    for number, node in enumerate(where.elements()):
        message = _message(node["id"].key() or str(number), node, draft)
        message.parent = messages[-1].id if messages else None
        messages.append(message)
    return messages


def _message(key: str, node: Node, draft: Draft) -> DraftMessage:
    role = node["role"].text()
    text, reasoning = _apart(_text(node["content"], draft))
    names = [_file(each) for each in node["files"].elements()]
    message = DraftMessage(
        id=key,
        parent=node["parentId"].key(),
        role=role if role in ROLES else "",
        content="\n\n".join(part for part in (*names, text) if part),
        reasoning=reasoning,
        created=node["timestamp"].moment(),
    )
    if not message.role:
        draft.skipped += 1
    if role == "assistant":
        rating = node["annotation"]["rating"].value
        message.model = node["model"].line(MAX_MODEL)
        message.rating = rating if rating in (1, -1) else 0
        message.comment = node["annotation"]["comment"].text(MAX_COMMENT)
    return message


def _text(content: Node, draft: Draft) -> str:
    if not isinstance(content.value, list):
        return content.text()
    parts = [_part(part, draft) for part in content.elements()]
    return "\n\n".join(part for part in parts if part)


def _part(part: Node, draft: Draft) -> str:
    kind = part["type"].text()
    if kind == "text":
        return part["text"].text()
    if "image" in kind:
        return "[image]"
    draft.skipped += 1
    return ""


def _file(file: Node) -> str:
    kind = "image" if file["type"].value == "image" else "file"
    name = file["name"].line(200)
    return f"[{kind}: {name}]" if name else f"[{kind}]"


def _apart(text: str) -> tuple[str, str]:
    """What is said, and what was only thought."""
    thoughts: list[str] = []

    def take(found: re.Match[str]) -> str:
        kind, inside = found.groups()
        if 'type="reasoning"' in kind:
            plain = QUOTE.sub("", html.unescape(SUMMARY.sub("", inside)).strip())
            thoughts.append(plain)
            return ""
        return "" if 'type="tool_calls"' in kind else found[0]

    return DETAILS.sub(take, text).strip(), "\n\n".join(thoughts)
