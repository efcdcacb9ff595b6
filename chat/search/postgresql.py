"""The index in PostgreSQL: GIN over the hashed grams of each passage (see `grams`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from .grams import MAX_PIECES, grams, hashed, pieces

CONTAINS = "strpos(p.body, %s) > 0"
# The addition keeps the planner from walking the primary key instead of the index.
MATCHING = """
SELECT id FROM chat_passage
WHERE marks @> %s::integer[] AND id < %s ORDER BY id + 0 DESC LIMIT %s
"""
INDEX = """
CREATE INDEX passage_marks ON chat_passage USING gin (marks)
WITH (gin_pending_list_limit = 512)
"""
"""As migration 0013 makes it. Every search reads the pending entries: few of them."""


def marks(owner: int, body: str) -> list[int]:
    return hashed(owner, grams(body))


@contextmanager
def filling() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX passage_marks")
        try:
            yield
        finally:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            cursor.execute(INDEX)
            cursor.execute("ANALYZE")


@contextmanager
def reading() -> Iterator[None]:
    """No plan may read the whole table."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield


def matching(owner: int, words: Sequence[str]) -> tuple[str, list[Any]] | None:
    """See `Backend`."""
    wanted = dict.fromkeys(gram for word in words for gram in pieces(word))
    return MATCHING, [hashed(owner, list(wanted)[:MAX_PIECES])]
