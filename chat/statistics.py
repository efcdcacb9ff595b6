"""What the database's planner should know about how much there is.

PostgreSQL finds out by itself. SQLite only does when asked, and guesses until then:
that a user has about ten conversations. Of who has a hundred thousand it then reads
all, to look at the thirty that a search found. See https://sqlite.org/lang_analyze.html.
"""

from __future__ import annotations

from django.db import connection

from .database import write
from .sql import fetch

MANY = 1000
"""Conversations below which every plan is good."""
ROWS = 400
"""So many of each index are looked at: a few milliseconds, however large it is."""


def gather() -> bool:
    """Let SQLite look at its conversations. Never more to do at once."""
    if connection.vendor == "sqlite" and has_many():
        with write(), connection.cursor() as cursor:
            cursor.execute(f"PRAGMA analysis_limit={ROWS}")
            cursor.execute("ANALYZE chat_conversation")
    return False


def has_many() -> bool:
    some = f"SELECT 1 FROM chat_conversation LIMIT {MANY}"
    [(count,)] = fetch(f"SELECT COUNT(*) FROM ({some})")
    return bool(count >= MANY)
