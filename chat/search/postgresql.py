"""The index in PostgreSQL: GIN over the hashed grams of each passage (see `grams`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F

from ..sql import fetch
from .grams import MAX_PIECES, grams, hashed, pieces

CONTAINS = "strpos(p.body, %s) > 0"
# The addition keeps the planner from walking the primary key instead of the index.
MATCHING = """
SELECT id FROM chat_passage
WHERE marks @> %s::integer[] AND id < %s ORDER BY id + 0 DESC LIMIT %s
"""
LISTED = """
SELECT id FROM unnest(%s::bigint[]) AS id WHERE id < %s ORDER BY id DESC LIMIT %s
"""
ANYBODYS = """
SELECT found.id
FROM (SELECT %s::text[] AS wanted, %s::bigint AS place, %s::integer AS size) asked,
LATERAL (
    SELECT one.id FROM unnest(asked.wanted) AS whose, LATERAL (
        SELECT id FROM chat_passage
        WHERE marks @> whose::integer[] AND id < asked.place
        ORDER BY id + 0 DESC LIMIT asked.size
    ) one ORDER BY one.id DESC LIMIT asked.size
) found
"""
"""One look into the index for each owner: a single one for what any of them has
(`&&`) is taken for so unselective that the planner reads every passage instead."""
OWNERS = 1000
"""Whose passages a search over everybody looks up: those who signed in last."""
SOME_PIECES = 8
INDEX = """
CREATE INDEX passage_marks ON chat_passage USING gin (marks)
WITH (gin_pending_list_limit = 512)
"""
"""As migration 0013 makes it. Every search reads the pending entries: few of them."""


def marks(owner: int, body: str) -> str:
    """An array as the database writes it: the driver takes three times as long to
    make one of a list."""
    return f"{{{','.join(map(str, hashed(owner, grams(body))))}}}"


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
    """No plan may read the whole table. Nor may one be compiled: the planner takes a
    lookup for each of a thousand owners for so expensive that compiling it is worth
    its while, which takes ten times as long as the lookups (140 ms against 24)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
        yield


def matching(
    owner: int | None, words: Sequence[str], before: int, most: int
) -> tuple[str, list[Any]]:
    """See `Backend`. The index is not in the passages' order, so whatever is asked of
    it reads all that it has: once, and the batches are taken out of the list."""
    found = dict.fromkeys(gram for word in words for gram in pieces(word))
    wanted = list(found)[:MAX_PIECES]
    query, params = (
        of_anybody(wanted) if owner is None else (MATCHING, [hashed(owner, wanted)])
    )
    with reading():
        rows = fetch(query, [*params, before, most])
    return LISTED, [[pk for (pk,) in rows]]


def of_anybody(wanted: Sequence[str]) -> tuple[str, list[Any]]:
    """A few pieces from all over the words: each costs something for each owner."""
    some = wanted[:: max(1, -(-len(wanted) // SOME_PIECES))]
    newest = User.objects.order_by(F("last_login").desc(nulls_last=True), "-pk")
    owners = newest.values_list("pk", flat=True)[:OWNERS]
    wanted_of = [",".join(map(str, hashed(owner, some))) for owner in owners]
    return ANYBODYS, [[f"{{{marks}}}" for marks in wanted_of]]
