"""Plain SQL behaves as Django's own cursors do, whichever way it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext

from chat.models import Generation
from chat.sql import clock, execute, execute_many, fetch, places, uuid
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db

RENAME = "UPDATE auth_user SET first_name = %s WHERE id = %s"


def test_it_says_how_many_rows_it_changed(alice: User, bob: User) -> None:
    assert execute(RENAME, ["A", alice.pk]) == 1
    assert execute(RENAME, ["A", 0]) == 0
    assert execute("UPDATE auth_user SET first_name = 'Both'") == 2


def test_it_fetches_what_many_wrote(alice: User, bob: User) -> None:
    execute_many(RENAME, [["A", alice.pk], ["B", bob.pk]])

    ids = [alice.pk, bob.pk]
    found = fetch(
        f"SELECT first_name FROM auth_user WHERE id IN ({places(2)}) ORDER BY id", ids
    )

    assert found == [("A",), ("B",)]


def test_a_value_may_hold_what_looks_like_a_place(alice: User) -> None:
    execute(RENAME, ["100 %s %%", alice.pk])

    assert fetch("SELECT first_name, '%%' FROM auth_user") == [("100 %s %%", "%")]


def test_values_may_have_names(alice: User) -> None:
    query = "SELECT username FROM auth_user WHERE id = %(pk)s"

    assert fetch(query, {"pk": alice.pk}) == [("alice",)]


def test_ids_and_moments_are_those_of_the_models(alice: User) -> None:
    row = ask(alice)
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=8)))

    change = "UPDATE chat_generation SET started = %s WHERE id = %s RETURNING id"
    [(found,)] = fetch(change, [moment, row.pk])

    assert uuid(found) == row.pk
    stored = Generation.objects.get()
    assert stored.started == moment
    assert stored.started.tzinfo == UTC


def test_the_clock_is_the_databases_and_goes_ahead(alice: User) -> None:
    row = ask(alice)

    execute(f"UPDATE chat_generation SET lease_until = {clock(60)}")

    row.refresh_from_db()
    assert row.lease_until is not None
    ahead = (row.lease_until - datetime.now(UTC)).total_seconds()
    assert 0 < ahead <= 61


def test_what_goes_wrong_is_one_of_djangos_errors(alice: User) -> None:
    again = "INSERT INTO chat_conversation SELECT * FROM chat_conversation"
    ask(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(again)
    with pytest.raises((OperationalError, ProgrammingError)), transaction.atomic():
        fetch("SELECT nothing FROM nowhere WHERE id = %s", [uuid4()])


def test_nothing_is_asked_in_a_transaction_that_failed(alice: User) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            execute(RENAME, ["A", alice.pk])


def test_whoever_counts_statements_hears_of_it(alice: User) -> None:
    with CaptureQueriesContext(connection) as seen:
        fetch("SELECT id FROM auth_user WHERE id = %s", [alice.pk])

    assert [query["sql"] for query in seen] == [
        f"SELECT id FROM auth_user WHERE id = {alice.pk}"
    ]


def test_whoever_wraps_statements_is_asked(alice: User) -> None:
    asked = []

    def wrapper(execute_it, sql, params, many, context):
        asked.append(sql)
        return execute_it(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        execute(RENAME, ["A", alice.pk])

    assert asked == [RENAME]
