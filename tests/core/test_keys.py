"""Issuing keys: bounded, also for requests at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection

from chat.errors import ConflictError
from chat.models import ApiKey
from chat.people import keys


@pytest.mark.django_db(transaction=True)
def test_the_last_place_goes_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 3)
    alice = User.objects.create_user("alice")
    for _ in range(2):
        keys.issue(alice)

    def issue(_: int) -> bool:
        try:
            keys.issue(alice)
        except ConflictError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(issue, range(4))) == [False, False, False, True]
    assert ApiKey.objects.count() == 3


@pytest.mark.django_db
def test_use_is_written_once_a_minute(alice, django_assert_num_queries) -> None:
    row, _key = ApiKey.objects.create_key(alice)
    row.note_use()
    row.refresh_from_db()

    with django_assert_num_queries(0):
        row.note_use()
