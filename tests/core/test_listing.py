"""Pages of the list are read from an index, wherever they begin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import listing
from chat.models import Conversation
from chat.running import lease

pytestmark = pytest.mark.django_db
INDEXED = {
    "sqlite": "conversation_sidebar (owner_id=? AND source=? AND archived=? AND pinned",
    "postgresql": "Index Scan using conversation_sidebar",
}


def plans(seen: CaptureQueriesContext, table: str) -> list[str]:
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    found = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # an empty table is not worth an index
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        for query in seen.captured_queries:
            if f'FROM "{table}"' in query["sql"]:
                cursor.execute(f"{explain} {query['sql']}")
                found.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    return found


@pytest.fixture
def among_many(alice: User, bob: User) -> None:
    """PostgreSQL chooses an index by what it knows of the rows."""
    now = timezone.now()
    Conversation.objects.bulk_create(
        Conversation(owner=bob if number % 50 else alice, updated=now)
        for number in range(2000)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE chat_conversation")


@pytest.mark.usefixtures("among_many")
@pytest.mark.parametrize("pinned", [None, True, False])
def test_every_page_is_a_range_of_the_index(alice: User, pinned: bool | None) -> None:
    rows = listing.shelf(Conversation.objects.owned_by(alice))
    row = Conversation(owner=alice, pinned=bool(pinned), updated=timezone.now())
    behind = None if pinned is None else listing.place_of(row)

    with CaptureQueriesContext(connection) as seen:
        listing.page(rows.to_show(), behind, 30)

    found = plans(seen, "chat_conversation")
    assert len(found) == (1 if pinned is False else 2)
    for plan in found:
        assert INDEXED[connection.vendor] in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan


def test_stops_are_looked_for_among_what_runs(db: None) -> None:
    with CaptureQueriesContext(connection) as seen:
        lease.stop_requested("owner")

    [plan] = plans(seen, "chat_generation")
    assert "generation_recent" not in plan
