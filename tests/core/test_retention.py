"""What is too old goes: for whom, when, and what never does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from chat import nudges
from chat.errors import ConflictError, NotFoundError
from chat.models import AuditEntry, Conversation, Generation, Passage, Quota
from chat.privacy import retention
from chat.privacy.retention import Walk
from tests.api.helpers import answered
from tests.core.helpers import ask, claim_one, fresh
from tests.core.racing import race
from tests.search.helpers import catch_up

pytestmark = pytest.mark.django_db


def used(generation: Generation, days: float) -> Generation:
    """Its conversation was last used so many days ago."""
    then = timezone.now() - timedelta(days=days)
    Conversation.objects.filter(pk=generation.conversation_id).update(updated=then)
    return generation


def prune() -> None:
    walk = Walk()
    while walk.step():
        pass


def member(user: User, *days: int | None) -> None:
    """Of a group for each of these times."""
    for place, kept in enumerate(days):
        group = Group.objects.create(name=f"group {place}")
        user.groups.add(group)
        Quota.objects.create(group=group, retention_days=kept)


def test_it_removes_what_is_older_than_the_setting(alice: User, settings: Any) -> None:
    settings.CHAT_RETENTION_DAYS = 30
    old, young = used(answered(alice), 30.1), used(answered(alice), 29.9)
    catch_up()

    prune()

    assert list(Conversation.objects.all()) == [young.conversation]
    assert not Generation.objects.filter(pk=old.pk).exists()
    assert set(Passage.objects.values_list("conversation", flat=True)) == {
        young.conversation_id
    }


def test_without_a_setting_everything_is_kept(alice: User) -> None:
    used(answered(alice), 10_000)

    prune()

    assert Conversation.objects.count() == 1


@pytest.mark.parametrize(
    ("setting", "groups", "own", "kept"),
    [
        (30, (), None, 30),
        (0, (60,), None, 60),
        (30, (60, 90), None, 90),  # the longest of several
        (30, (60, 0), None, 0),  # and longest of all is for ever
        (90, (60, None), None, 60),  # what is empty says nothing
        (30, (None,), None, 30),
        (30, (60, 90), 7, 7),  # one's own before the groups'
        (30, (60,), 0, 0),
    ],
)
def test_whose_time_counts(
    alice: User, bob: User, settings: Any, setting, groups, own, kept
) -> None:
    settings.CHAT_RETENTION_DAYS = setting
    member(alice, *groups)
    if own is not None:
        Quota.objects.create(user=alice, retention_days=own)

    assert retention.days_of({alice.pk, bob.pk}) == {alice.pk: kept, bob.pk: setting}


def test_each_goes_by_its_owners_time(alice: User, bob: User, settings: Any) -> None:
    settings.CHAT_RETENTION_DAYS = 100
    member(alice, 10)
    kept = [used(answered(bob), 50), used(answered(alice), 5)]
    used(answered(alice), 50)

    prune()

    assert set(Conversation.objects.all()) == {row.conversation for row in kept}


def test_where_an_answer_is_being_written_nothing_goes(
    alice: User, settings: Any
) -> None:
    settings.CHAT_RETENTION_DAYS = 1
    running = used(ask(alice), 5)
    claim_one()
    queued = used(ask(alice), 5)

    prune()

    assert fresh(running).status == "running"
    assert fresh(queued).status == "queued"


@pytest.mark.parametrize("page", [2, 3, 500])
def test_it_goes_in_batches_past_what_is_kept(
    alice: User, bob: User, settings: Any, monkeypatch, page: int
) -> None:
    monkeypatch.setattr(retention, "LOOKED_AT", page)
    monkeypatch.setattr(retention, "PRUNED_AT_ONCE", 2)
    settings.CHAT_RETENTION_DAYS = 1
    Quota.objects.create(user=bob, retention_days=0)
    for place in range(5):
        used(answered(alice), 10)
        used(answered(bob), 10 + place)
    walk = Walk()

    assert len(list(Walk().due())) == 5
    assert walk.step() is True
    assert Conversation.objects.filter(owner=alice).count() >= 3
    while walk.step():
        pass
    assert set(Conversation.objects.values_list("owner", flat=True)) == {bob.pk}


def test_it_is_told_and_written_down(alice: User, settings: Any, monkeypatch) -> None:
    settings.CHAT_RETENTION_DAYS = 1
    old = used(answered(alice), 2)
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(nudges, "conversation_changed", lambda *news: told.append(news))

    prune()

    assert told == [(alice.pk, "deleted", old.conversation_id)]
    entry = AuditEntry.objects.get(action="pruned")
    assert (entry.actor, entry.subject) == (None, alice.pk)
    assert entry.object == str(old.conversation_id)


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_meanwhile_wins_or_is_refused(settings: Any) -> None:
    """Never a question without its conversation, nor one that is pruned with it."""
    settings.CHAT_RETENTION_DAYS = 1
    alice = User.objects.create_user("alice")
    old = used(answered(alice), 2)

    def work(number: int) -> bool:
        if number % 2:
            prune()
            return False
        try:
            ask(alice, conversation=old.conversation_id)
        except NotFoundError:
            return False
        except ConflictError:
            return True
        return True

    asked = race(work, 4)

    assert Generation.objects.live().exists() == any(asked)
    assert Conversation.objects.exists() == any(asked)
