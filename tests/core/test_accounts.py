"""Leaving: everything goes, nobody else's does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection

from chat import nudges
from chat.errors import ConflictError
from chat.models import (
    ApiKey,
    AuditEntry,
    Conversation,
    Feedback,
    Generation,
    Message,
    Share,
)
from chat.people import accounts, preferences
from chat.privacy import erasure
from tests.api.helpers import answered

from .helpers import ask, fresh

pytestmark = pytest.mark.django_db


def rows() -> dict[str, int]:
    return {
        model.__name__: model._default_manager.count()
        for app in ("chat", "account", "socialaccount", "mfa")
        for model in apps.get_app_config(app).get_models()
        if model is not AuditEntry
    }


def fill(user: User) -> Generation:
    """A bit of everything."""
    row = answered(user)
    Feedback.objects.create(message=row.message, rating=1)
    Share.objects.create(owner=user, conversation=row.conversation, content=[])
    ApiKey.objects.create_key(user)
    preferences.change(user, theme="dark")
    EmailAddress.objects.create(user=user, email=f"{user.username}@example.org")
    Authenticator.objects.create(user=user, type="totp", data={})
    SocialAccount.objects.create(user=user, provider="x", uid=user.username)
    return row


def test_everything_of_ones_own_goes(alice: User, bob: User) -> None:
    fill(bob)
    before = rows()
    fill(alice)
    ask(alice)

    accounts.delete(alice)

    assert rows() == before
    assert list(User.objects.all()) == [bob]


def test_many_conversations_go_in_batches(alice: User, monkeypatch) -> None:
    monkeypatch.setattr(erasure, "BATCH", 2)
    for _ in range(5):
        ask(alice)

    accounts.delete(alice)

    assert not Conversation.objects.exists()
    assert not Message.objects.exists()


def test_what_is_being_written_is_stopped_first(alice: User, monkeypatch) -> None:
    asked = ask(alice)
    seen: list[str] = []
    purge = erasure.purge

    def look(rows):
        if rows:
            seen.append(fresh(asked).status)
        return purge(rows)

    monkeypatch.setattr(erasure, "purge", look)
    accounts.delete(alice)

    assert seen == ["stopped"]


def test_open_sockets_are_told(alice: User, monkeypatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(nudges, "access_changed", told.append)
    pk = alice.pk

    accounts.delete(alice)

    assert set(told) == {pk}


def test_the_last_superuser_stays(alice: User, bob: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    User.objects.filter(pk=bob.pk).update(is_superuser=True, is_active=False)
    alice.refresh_from_db()
    fill(alice)
    before = rows()

    with pytest.raises(ConflictError) as caught:
        accounts.delete(alice)

    assert caught.value.code == "last_superuser"
    assert rows() == before


def test_another_superuser_may_go(alice: User, bob: User) -> None:
    User.objects.update(is_superuser=True)
    alice.refresh_from_db()

    accounts.delete(alice)

    assert list(User.objects.all()) == [bob]


@pytest.mark.django_db(transaction=True)
def test_the_last_two_superusers_cannot_both_go() -> None:
    people = [User.objects.create_superuser(name) for name in ("alice", "bob")]

    def leave(user: User) -> bool:
        try:
            accounts.delete(user)
        except ConflictError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, people)) == [False, True]
    assert User.objects.count() == 1
