"""A user is erased: of what they wrote, nothing is left anywhere."""

from __future__ import annotations

import io

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from chat.models import AuditEntry, Conversation, Departure, Flag, Note, Picture
from chat.models.picture import files
from chat.people import accounts
from chat.privacy import erasure, holds
from chat.search.find import find
from tests.api.helpers import answered
from tests.core.helpers import ask
from tests.planting import MARK, WITHOUT, counts, found, plant
from tests.reading import eventually
from tests.search.helpers import catch_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Inside, what happens behind a commit happens too."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_nothing_is_left_in_any_column_of_any_table(
    alice: User, bob: User, committed
) -> None:
    root = User.objects.create_superuser("root")
    others = answered(bob)
    catch_up()
    before = counts()
    user = plant(others)
    planted = counts()

    lacking = {name for name in before if planted[name] == before[name]}
    assert lacking <= set(WITHOUT), "say in tests.planting what a user has there"
    # Also in the search index: SQLite's has its words, PostgreSQL's has numbers.
    assert len(found()) > 20
    assert find(Conversation.objects.all(), None, MARK, None, 10).found

    picture = Picture.objects.get()
    names = (picture.file.name, picture.thumbnail.name)
    assert all(map(files.exists, names))
    with committed():
        assert accounts.erase(user, root) is True

    assert found() == set()
    assert not any(map(files.exists, names))
    assert not find(Conversation.objects.all(), None, MARK, None, 10).found
    assert not Session.objects.exists()
    left = counts()
    # A flag they raised stays, without their words and their name.
    more = {"Flag", "Group", "AuditEntry", "ContentType", "Invite", "Invite_groups"}
    same = set(before) - more
    assert {name: left[name] for name in same} == {name: before[name] for name in same}
    flag = Flag.objects.get()
    assert (flag.conversation, flag.made_by, flag.reason) == (
        *(others.conversation, None, ""),
    )
    assert not Note.objects.exists()
    entry = AuditEntry.objects.get(action="left")
    assert (entry.actor, entry.subject, entry.object) == (
        *(root.pk, user.pk, str(user.pk)),
    )


def test_ones_own_deletion_is_the_same(bob: User, committed) -> None:
    user = plant(answered(bob))

    with committed():
        assert accounts.delete(user) is True

    assert found() == set()


def test_the_command_erases(bob: User, committed) -> None:
    user = plant(answered(bob))
    said = io.StringIO()

    with committed():
        call_command("eraseuser", user.username, "--no-input", stdout=said)

    assert said.getvalue() == f"Erased {user.username}.\n"
    assert found() == set()


def test_the_command_says_why_not(alice: User) -> None:
    root = User.objects.create_superuser("root")
    holds.place(root, "The court asks.", user=alice)
    for name, why in (("nobody", "no user"), ("alice", "legal hold"), ("root", "last")):
        with pytest.raises(CommandError, match=why):
            call_command("eraseuser", name, "--no-input")
    assert User.objects.count() == 2


def test_broken_off_it_is_gone_on_with(alice: User, monkeypatch) -> None:
    monkeypatch.setattr(erasure, "BATCH", 2)
    for _ in range(5):
        answered(alice)

    assert accounts.erase(alice, None, seconds=0) is False

    assert Conversation.objects.count() == 3
    assert not User.objects.get(pk=alice.pk).is_active
    while erasure.go_on():
        pass
    assert not User.objects.exists()
    assert not Departure.objects.exists()


def test_one_that_is_kept_holds_up_nobody(alice: User, bob: User, monkeypatch) -> None:
    monkeypatch.setattr(erasure, "AT_ONCE", 1)
    holds.place(None, "The court asks.", user=alice)
    answered(bob)
    for user in (alice, bob):
        accounts.delete(user) if user == alice else erasure.begin(user, None)

    while erasure.go_on():
        pass

    assert list(User.objects.all()) == [alice]
    assert list(Departure.objects.values_list("user", flat=True)) == [alice.pk]


def test_the_log_of_others_things_with_that_name_stays(alice: User) -> None:
    kind = ContentType.objects.get_for_model(Group)
    named = {"object_repr": alice.username, "action_flag": CHANGE}
    root = User.objects.create_superuser("root")
    LogEntry.objects.create(user=root, content_type=kind, object_id="1", **named)

    accounts.erase(alice, root)

    assert LogEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_what_is_being_written_ends_and_no_tape_remembers(
    alice: User, running
) -> None:
    """Their reels are dropped, of finished answers and of those that are cut."""
    done = await sync_to_async(ask)(alice, "pace=0 n=3")
    live = await sync_to_async(ask)(alice, "pace=0 hang=3")
    tape = running.tape
    await eventually(lambda: all(tape.state(str(row.pk)) for row in (done, live)))

    assert await sync_to_async(accounts.delete)(alice) is True

    await eventually(lambda: not any(tape.state(str(row.pk)) for row in (done, live)))
    assert not await User.objects.aexists()
