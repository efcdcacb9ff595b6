"""Join what an assistant says in a row to one message, along every branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from .draft import DraftMessage
from .node import MAX_TEXT, Node
from .reader import MAX_SIZE

PIECE = 100
"""What a piece weighs besides its text."""


@dataclass(slots=True)
class Turn:
    """A message to be. `last`: the id of the piece it ends with."""

    id: str
    parent: str | None
    role: str
    last: str


Before = dict[str, "str | None"]
"""For each piece the one it follows in its turn."""


def join(
    messages: list[DraftMessage], where: Node
) -> tuple[list[DraftMessage], dict[str, str]]:
    """The turns, parents first, and for each piece the id of the turn that has it.

    `messages` come parents first. Two continuations of one piece are two turns, which
    begin alike.
    """
    pieces = {message.id: message for message in messages}
    turns, holder, before = _grouped(messages)
    left = MAX_SIZE
    joined = []
    for turn in turns:
        parts = list(_pieces(turn, before, pieces))[::-1]
        left -= sum(len(p.content) + len(p.reasoning) + PIECE for p in parts)
        if left < 0:
            raise where.misfit(_("These messages are too long together."))
        joined.append(_joined(turn, parts, where))
    return joined, {key: turn.id for key, turn in holder.items()}


def _grouped(
    messages: list[DraftMessage],
) -> tuple[list[Turn], dict[str, Turn], Before]:
    turns: list[Turn] = []
    holder: dict[str, Turn] = {}
    before: Before = {}
    for message in messages:
        above = holder.get(message.parent or "")
        joins = above is not None and above.role == message.role == "assistant"
        before[message.id] = message.parent if joins else None
        if above and joins and above.last == message.parent:
            above.last = message.id
            holder[message.id] = above
            continue
        parent = (above.parent if joins else above.id) if above else None
        holder[message.id] = Turn(message.id, parent, message.role, message.id)
        turns.append(holder[message.id])
    return turns, holder, before


def _pieces(
    turn: Turn, before: Before, pieces: dict[str, DraftMessage]
) -> Iterator[DraftMessage]:
    """From the last to the first."""
    at: str | None = turn.last
    while at is not None:
        yield pieces[at]
        at = before[at]


def _joined(turn: Turn, pieces: list[DraftMessage], where: Node) -> DraftMessage:
    def all_of(name: str) -> Any:
        return [value for piece in pieces if (value := getattr(piece, name))]

    content, reasoning = (
        "\n\n".join(all_of("content")),
        "\n\n".join(all_of("reasoning")),
    )
    if max(len(content), len(reasoning)) > MAX_TEXT:
        raise where.misfit(_("These messages are too long together."))
    return DraftMessage(
        id=turn.id,
        parent=turn.parent,
        role=turn.role,
        content=content,
        reasoning=reasoning,
        created=next(iter(all_of("created")), None),
        model=next(reversed(all_of("model")), ""),
    )
