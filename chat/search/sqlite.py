"""The index in SQLite: FTS5 with trigrams, kept in step by triggers (migration 0003).

Every passage is indexed together with its owner's mark, three characters that no text
has and that make one trigram of their own. So the owner is part of what is looked up,
and the newest come first without sorting. Words of one or two characters are shorter
than what is indexed: they are looked up as the trigrams that begin with them, which
every text has that has them, because two line ends follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import connection

from .fold import PRIVATE
from .grams import MAX_PIECES, windows

CONTAINS = "instr(p.body, %s) > 0"
BASE = 0xFFFE
"""Characters of a private plane that a mark is written in."""
MAX_BEGINNINGS = 500
MATCHING = """
SELECT rowid AS id FROM chat_passage_fts
WHERE chat_passage_fts MATCH %s AND rowid < %s ORDER BY rowid DESC LIMIT %s
"""
BEGINNINGS = """
SELECT term FROM chat_passage_terms WHERE term >= %s AND term < %s LIMIT %s
"""


def marks(owner: int, body: str) -> str:
    """The owner's mark; FTS5 reads the body itself."""
    first = ord(PRIVATE)
    digits = (owner // BASE**2 % BASE, owner // BASE % BASE, owner % BASE)
    return "".join(chr(first + digit) for digit in digits)


def filling() -> AbstractContextManager[None]:
    return nullcontext()


def reading() -> AbstractContextManager[None]:
    """Nothing: a transaction of ours would wait for the writers'."""
    return nullcontext()


def matching(
    owner: int | None, words: Sequence[str], _before: int, _most: int
) -> tuple[str, list[Any]] | None:
    """See `Backend`. None where too many trigrams begin with a short word."""
    long = [word for word in words if len(word) >= 3]
    found = dict.fromkeys(gram for word in long for gram in windows(word, 3))
    ways = [quoted(gram) for gram in list(found)[:MAX_PIECES]]
    if not ways:
        beginnings = trigrams_from(words[0])
        if len(beginnings) > MAX_BEGINNINGS:
            return None
        # A string of less than three characters matches nothing.
        ways = [f"({' OR '.join(map(quoted, beginnings or words[:1]))})"]
    whose = [] if owner is None else [quoted(marks(owner, ""))]
    return MATCHING, [" AND ".join([*whose, *ways])]


def trigrams_from(beginning: str) -> list[str]:
    top = beginning + "\U0010ffff"
    with connection.cursor() as cursor:
        cursor.execute(BEGINNINGS, [beginning, top, MAX_BEGINNINGS + 1])
        return [row[0] for row in cursor.fetchall()]


def quoted(gram: str) -> str:
    """A string of the query language: nothing in it means anything else."""
    return '"' + gram.replace('"', '""') + '"'
