"""SQLite looks at how many conversations there are, once there are many."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from chat import statistics
from chat.models import Conversation
from chat.sql import fetch

pytestmark = pytest.mark.django_db
PLAN = "EXPLAIN QUERY PLAN "


def fill(owner: User, count: int) -> list[Conversation]:
    rows = [Conversation(owner=owner, updated=timezone.now()) for _ in range(count)]
    return Conversation.objects.bulk_create(rows)


def test_a_few_are_left_alone(alice: User, django_assert_max_num_queries) -> None:
    fill(alice, 3)
    with django_assert_max_num_queries(1):
        assert statistics.gather() is False


def test_of_many_those_that_are_named_are_looked_up(alice: User, monkeypatch) -> None:
    """And not found by reading all that somebody has."""
    monkeypatch.setattr(statistics, "MANY", 300)
    rows = fill(alice, 400)
    statistics.gather()

    if connection.vendor == "sqlite":
        some = Conversation.objects.owned_by(alice).filter(source="web", archived=False)
        wanted = some.filter(pk__in=[row.pk for row in rows[:30]])
        sql, params = wanted.values_list("pk").query.sql_with_params()
        plan = " ".join(str(step) for step in fetch(PLAN + sql, params))
        assert "sqlite_autoindex_chat_conversation" in plan
        assert "conversation_sidebar" not in plan
