"""An invitation makes so many accounts and not one more; by nobody's ruse others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from chat.errors import ConflictError, NotFoundError
from chat.models import AuditEntry, Invite
from chat.people import invites
from chat.privacy.audit import Action
from tests.core.racing import race

pytestmark = pytest.mark.django_db


def make(
    by: User, *groups: Group, days: float = 1, **values: Any
) -> tuple[Invite, str]:
    end = timezone.now() + timedelta(days=days)
    return invites.make(by, groups, **({"expires": end} | values))


def accept(token: str, name: str = "eve") -> User:
    return invites.accept(
        token, username=name, email=f"{name}@example.org", password="a long secret"
    )


def test_it_makes_an_account_in_its_groups(charlie: User) -> None:
    school = Group.objects.create(name="school")
    row, token = make(charlie, school)

    user = accept(token)

    assert (user.username, user.email) == ("eve", "eve@example.org")
    assert list(user.groups.all()) == [school]
    assert user.check_password("a long secret")
    assert (user.is_staff, user.is_superuser) == (False, False)
    row.refresh_from_db()
    assert (row.used, row.state) == (1, "used")


def test_the_token_is_not_stored(charlie: User) -> None:
    row, token = make(charlie)

    assert token not in str(vars(Invite.objects.get(pk=row.pk)))


def test_it_is_in_the_audit_log(charlie: User) -> None:
    row, token = make(charlie, uses=2)
    user = accept(token)
    invites.revoke(Invite.objects.filter(pk=row.pk), charlie)

    told = AuditEntry.objects.order_by("id").values_list("action", "actor", "object")
    assert list(told) == [
        (Action.INVITED, charlie.pk, str(row.pk)),
        (Action.JOINED, user.pk, str(row.pk)),
        (Action.UNINVITED, charlie.pk, str(row.pk)),
    ]


def test_what_is_used_up_opens_nothing(charlie: User) -> None:
    _row, token = make(charlie, uses=2)
    accept(token, "a")
    accept(token, "b")

    with pytest.raises(NotFoundError):
        accept(token, "c")
    assert not User.objects.filter(username="c").exists()


@pytest.mark.parametrize("why", ["expired", "revoked", "unknown", "maker gone"])
def test_neither_does_what_is(charlie: User, why: str) -> None:
    row, token = make(charlie, days=-1 if why == "expired" else 1)
    if why == "revoked":
        assert invites.revoke(Invite.objects.all(), charlie) == 1
        assert invites.revoke(Invite.objects.all(), charlie) == 0
    if why == "maker gone":
        charlie.is_active = False
        charlie.save()
    if why == "unknown":
        token = token[:-1]

    assert invites.find(token) is None
    with pytest.raises(NotFoundError):
        accept(token)
    row.refresh_from_db()
    assert row.used == 0


def test_one_that_is_revoked_in_the_last_moment_makes_nothing(
    charlie: User, monkeypatch
) -> None:
    _row, token = make(charlie)

    def meanwhile(password: str) -> str:
        invites.revoke(Invite.objects.all(), charlie)
        return "x"

    monkeypatch.setattr(invites, "make_password", meanwhile)

    with pytest.raises(NotFoundError):
        accept(token)
    assert not User.objects.filter(username="eve").exists()


def test_a_name_that_is_taken_uses_nothing_up(charlie: User, alice: User) -> None:
    row, token = make(charlie)

    with pytest.raises(ConflictError):
        accept(token, "alice")

    row.refresh_from_db()
    assert (row.used, row.state) == (0, "open")
    assert accept(token)


@pytest.mark.django_db(transaction=True)
def test_so_many_at_once_make_no_more_accounts_than_allowed(charlie: User) -> None:
    row, token = make(charlie, uses=3)
    before = User.objects.count()

    def work(number: int) -> int:
        made = 0
        for turn in range(2):
            try:
                accept(token, f"u{number}-{turn}")
                made += 1
            except NotFoundError:
                continue
        return made

    assert sum(race(work)) == 3
    assert User.objects.count() == before + 3
    row.refresh_from_db()
    assert row.used == 3


class TestGroups:
    def may(self, name: str) -> Permission:
        return Permission.objects.get(codename=name)

    def test_nobody_gives_away_what_they_have_not(self, charlie: User) -> None:
        plain, readers, flags = (
            Group.objects.create(name=name) for name in ("plain", "readers", "flags")
        )
        readers.permissions.add(self.may("review_conversation"), self.may("view_flag"))
        flags.permissions.add(self.may("view_flag"))
        charlie.user_permissions.add(self.may("add_invite"))

        assert set(invites.groups_for(charlie)) == {plain}
        charlie.groups.add(flags)
        assert set(invites.groups_for(charlie)) == {plain, flags}
        charlie.user_permissions.add(self.may("review_conversation"))
        assert set(invites.groups_for(charlie)) == {plain, flags, readers}

    def test_superusers_give_all(self, db) -> None:
        group = Group.objects.create(name="readers")
        group.permissions.add(self.may("review_conversation"))
        root = User.objects.create_superuser("root")

        assert list(invites.groups_for(root)) == [group]
