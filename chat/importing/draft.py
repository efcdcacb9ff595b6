"""A conversation as every format is brought to, and how its tree is put in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from ..models.tag import MAX_TAGS, TAG_CHARS
from .node import Node

MAX_MESSAGES = 10_000
MAX_DEPTH = 5_000
MAX_TITLE = 200
MAX_MODEL = 200


@dataclass(slots=True)
class DraftMessage:
    """`id` and `parent` are the origin's. Without a `role` it is left out, and what
    follows it hangs below its parent. `job`: what is known of the generation."""

    id: str
    parent: str | None
    role: str
    content: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str = ""
    created: datetime | None = None
    status: str = "done"
    tokens: int | None = None
    model: str = ""
    job: dict[str, Any] = field(default_factory=dict)
    rating: int = 0
    comment: str = ""


@dataclass(slots=True)
class Draft:
    """`origin` names the conversation for ever: format and id. `own`: its id, if it is
    from a Chatsite, perhaps this one. `skipped` counts what had no place here."""

    origin: str
    title: str
    messages: list[DraftMessage]
    leaf: str | None = None
    model: str = ""
    system_prompt: str = ""
    source: str = "web"
    pinned: bool = False
    archived: bool = False
    tags: list[str] = field(default_factory=list)
    created: datetime | None = None
    updated: datetime | None = None
    own: UUID | None = None
    skipped: int = 0


def tags(node: Node) -> list[str]:
    """Those of a list that are text; as many as a conversation may have."""
    named = (tag.line(TAG_CHARS) for tag in node.elements() if tag.value)
    return [name for name in named if name][:MAX_TAGS]


def in_order(messages: Iterable[DraftMessage], where: Node) -> list[DraftMessage]:
    """Parents first, those without a role left out, all else in the file's order.

    A parent that is not in the file is none. Misfit: a circle, or too deep.
    """
    by_id = {message.id: message for message in messages}
    below: dict[str | None, list[DraftMessage]] = defaultdict(list)
    for message in by_id.values():
        below[message.parent if message.parent in by_id else None].append(message)
    above: dict[str, str | None] = {}
    ordered: list[DraftMessage] = []
    level, depth = below[None], 0
    while level:
        depth += 1
        for message in level:
            message.parent = above.get(message.id)
            here = message.id if message.role else message.parent
            above |= {child.id: here for child in below[message.id]}
        ordered += level
        level = [child for message in level for child in below[message.id]]
    if len(ordered) < len(by_id):
        raise where.misfit(_("These messages follow one another in a circle."))
    if depth > MAX_DEPTH:
        raise where.misfit(
            _("This tree is deeper than the %(limit)d messages allowed.")
            % {"limit": MAX_DEPTH}
        )
    return [message for message in ordered if message.role]


def kept_above(
    leaf: str | None, parents: dict[str, str | None], kept: set[str]
) -> str | None:
    """The nearest message at or above `leaf` that is kept."""
    for _step in range(len(parents) + 1):
        if leaf is None or leaf in kept:
            return leaf
        leaf = parents.get(leaf)
    return None
