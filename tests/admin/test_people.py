"""Users in the administration: nobody makes of others what they are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
LIST = reverse("admin:auth_user_changelist")
Staff = Callable[..., Client]


def page(user: User, name: str = "change") -> str:
    return reverse(f"admin:auth_user_{name}", args=[user.pk])


def change(client: Client, user: User, **values: object) -> int:
    """Send the form as it is, but for these."""
    form = client.get(page(user)).context["adminform"].form
    given = {
        name: value
        for name, value in form.initial.items()
        if value not in (None, False) and not name.startswith("password")
    }
    dates = {f"{name}_{part}": "" for name in ("last_login",) for part in (0, 1)}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return client.post(page(user), given | dates | joined | values).status_code


def test_who_may_change_users_makes_nobody_staff(
    staff_with: Staff, alice: User
) -> None:
    helper = staff_with("view_user", "change_user")
    group = Group.objects.create(name="bosses")
    powers = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk]}

    assert change(helper, alice, first_name="Alice", **powers) == 302

    alice.refresh_from_db()
    assert alice.first_name == "Alice"
    assert (alice.is_staff, alice.is_superuser) == (False, False)
    assert not alice.groups.exists()


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_nor_touches_other_staff(staff_with: Staff, bob: User, power: str) -> None:
    helper = staff_with(
        *("view_user", "change_user", "delete_user", "delete_conversation")
    )
    User.objects.filter(pk=bob.pk).update(**{power: True})

    assert helper.post(page(bob), {"username": "eve"}).status_code == 403
    password = {"usable_password": "true", "password1": "x", "password2": "x"}
    changed = helper.post(f"/admin/auth/user/{bob.pk}/password/", password)
    assert changed.status_code == 403
    assert helper.post(page(bob, "delete"), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [bob.pk], "post": "yes"}
    helper.post(LIST, action)
    assert User.objects.filter(pk=bob.pk, username="bob").exists()


def test_superusers_do_all_of_it(admin: Client, alice: User) -> None:
    assert change(admin, alice, is_staff="on") == 302

    alice.refresh_from_db()
    assert alice.is_staff


def test_an_address_that_staff_give_replaces_the_others(
    admin: Client, alice: User
) -> None:
    EmailAddress.objects.create(user=alice, email="old@example.org", verified=True)

    assert change(admin, alice, email="new@example.org") == 302

    alice.refresh_from_db()
    assert alice.email == "new@example.org"
    assert not EmailAddress.objects.exists()


@pytest.mark.parametrize(
    "asked", ["has_second_factor=0", "authenticator__isnull=1", "hold__isnull=0"]
)
def test_lists_do_not_tell_who_has_what(
    staff_with: Staff, alice: User, asked: str
) -> None:
    helper = staff_with("view_user")

    answer = helper.get(f"{LIST}?{asked}")

    assert answer.status_code in (302, 400)


def test_what_the_list_offers_is_asked_as_ever(staff_with: Staff, alice: User) -> None:
    helper = staff_with("view_user")

    for asked in ("is_active__exact=1", f"id__exact={alice.pk}", "q=alice"):
        assert "alice" in helper.get(f"{LIST}?{asked}").content.decode()
