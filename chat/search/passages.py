"""Keep what search reads in step with titles and messages.

Writers only say that a conversation has news (`indexed` false); a runner's process
reads it a moment later, when no answer is being written there. Whatever else makes
conversations, an import or an older version, is caught up with in the same way. What
programs ask through the dialects is not searched.

Whoever takes the news off a conversation holds its row until all that is there has been
read. So news that come meanwhile wait, and are told of behind it: none are lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection

from ..database import write
from ..models import Conversation
from ..sql import execute, fetch, places
from .backend import backend
from .fold import fold

ENDS = "\n\n"
"""Behind every body, for the SQLite index (see there)."""
CONVERSATIONS = 32
MESSAGES = 64
CHARACTERS = 100_000
"""Bounds of one transaction: on SQLite everybody else waits for it. The last message
may go beyond the characters, which are what the database's own index costs."""
NEWS = """
NOT c.indexed AND NOT EXISTS (
    SELECT 1 FROM chat_generation g
    WHERE g.conversation_id = c.id AND g.status IN ('queued', 'running')
)
"""
LOOK = f"SELECT c.id FROM chat_conversation c WHERE {NEWS} ORDER BY c.updated LIMIT %s"
TAKE = f"""
UPDATE chat_conversation SET indexed = TRUE WHERE id IN (
    SELECT c.id FROM chat_conversation c WHERE c.id IN ({{}}) AND {NEWS} {{}}
) RETURNING id, owner_id, title, source
"""
LEAVE = "UPDATE chat_conversation SET indexed = FALSE WHERE id IN ({})"
UNREAD = """
FROM chat_message m WHERE m.conversation_id IN ({}) AND m.content <> ''
AND NOT EXISTS (SELECT 1 FROM chat_passage p WHERE p.message_id = m.id)
"""
READ = f"""
SELECT m.conversation_id, m.id, m.content {UNREAD} ORDER BY m.created, m.id LIMIT %s
"""
TITLES = """
SELECT conversation_id, body FROM chat_passage
WHERE conversation_id IN ({}) AND message_id IS NULL
"""
ADD = """
INSERT INTO chat_passage (owner_id, conversation_id, message_id, body, marks) VALUES {}
"""
RENAME = """
UPDATE chat_passage SET body = %s, marks = %s
WHERE conversation_id = %s AND message_id IS NULL
"""
UNNAME = "DELETE FROM chat_passage WHERE conversation_id = %s AND message_id IS NULL"
Id = Any
"""As this database's driver gives it: only ever given back."""


class Taken(NamedTuple):
    """A conversation whose news are read."""

    id: Id
    owner: int
    title: str
    source: str


class Words(NamedTuple):
    """A passage to be. Without a message it is the title."""

    owner_id: int
    conversation_id: Id
    message_id: Id | None
    body: str
    marks: Any


def index_some() -> bool:
    """Index some of what is new; whether there may be more."""
    found = [pk for (pk,) in fetch(LOOK, [CONVERSATIONS])]
    if not found:
        return False
    with write():
        taken = take(found)
        searched = [row for row in taken if row.source == Conversation.Source.WEB]
        left = index(searched) if searched else []
        if left:
            execute(LEAVE.format(places(len(left))), left)
    return bool(taken) and (bool(left) or len(found) == CONVERSATIONS)


def take(found: Sequence[Id]) -> list[Taken]:
    """Of these, in this order, those that still have news and that nobody else holds.
    From now on they have none."""
    shared = connection.features.has_select_for_update
    lock = "FOR NO KEY UPDATE OF c SKIP LOCKED" if shared else ""
    rows = fetch(TAKE.format(places(len(found)), lock), found)
    taken = {row.id: row for row in map(Taken._make, rows)}
    return [taken[pk] for pk in found if pk in taken]


def index(rows: Sequence[Taken]) -> list[Id]:
    """Index their titles and some of their messages, in the order in which they were
    written: that is the order in which they are found. Those that have more."""
    owner = {row.id: row.owner for row in rows}
    some = places(len(rows))
    unread = fetch(READ.format(some), [*owner, MESSAGES + 1])
    spoken = [words(owner[pk], pk, text, message) for pk, message, text in few(unread)]
    add([*new_titles(rows), *spoken])
    if len(spoken) == len(unread):
        return []
    left = fetch(f"SELECT DISTINCT m.conversation_id {UNREAD.format(some)}", [*owner])
    return [pk for (pk,) in left]


def add(new: Sequence[Words]) -> None:
    """In one statement: SQLite's index writes what it has gathered behind each."""
    if new:
        rows = ", ".join([f"({places(len(Words._fields))})"] * len(new))
        execute(ADD.format(rows), list(chain.from_iterable(new)))


def few(unread: Sequence[tuple[Id, Id, str]]) -> Iterator[tuple[Id, Id, str]]:
    """Those that one transaction may index."""
    room = CHARACTERS
    for message in unread[:MESSAGES]:
        if room <= 0:
            return
        yield message
        room -= len(message[2])


def new_titles(rows: Sequence[Taken]) -> list[Words]:
    """The titles that are not there yet. Those that are, are brought up to date."""
    stored = fetch(TITLES.format(places(len(rows))), [row.id for row in rows])
    known: dict[Id, str] = dict(stored)
    missing = []
    for row in rows:
        before = known.get(row.id)
        if not row.title:
            if before is not None:
                execute(UNNAME, [row.id])
        elif before is None:
            missing.append(words(row.owner, row.id, row.title))
        elif before != folded(row.title):
            new = words(row.owner, row.id, row.title)
            execute(RENAME, [new.body, new.marks, row.id])
    return missing


def words(owner: int, conversation: Id, text: str, message: Id | None = None) -> Words:
    body = folded(text)
    return Words(owner, conversation, message, body, backend().marks(owner, body))


def folded(text: str) -> str:
    return fold(text) + ENDS
