"""`/invite/TOKEN/`: the form, what it refuses, and what is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from chat.models import Invite
from chat.people import invites

pytestmark = pytest.mark.django_db
GIVEN = {"username": "eve", "email": "eve@example.org", "password": "a long secret 7"}


def link(by: User, **values: Any) -> str:
    group = Group.objects.create(name="school")
    end = timezone.now() + timedelta(days=1)
    _row, token = invites.make(by, [group], **({"expires": end} | values))
    return f"/invite/{token}/"


def main(page: Any) -> str:
    text: str = page.content.decode()
    return text[text.index("<main") : text.index("</main>")]


def test_whoever_has_it_makes_an_account_and_is_signed_in(
    client: Client, charlie: User
) -> None:
    url = link(charlie)
    page = client.get(url)
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert "noindex" in page.headers["X-Robots-Tag"]

    made = client.post(url, GIVEN)

    assert (made.status_code, made["Location"]) == (302, "/")
    user = User.objects.get(username="eve")
    assert [group.name for group in user.groups.all()] == ["school"]
    assert client.get("/").status_code == 200
    assert Client().login(username="eve", password="a long secret 7")
    address = EmailAddress.objects.get(user=user)
    assert (address.email, address.verified) == ("eve@example.org", False)


def test_a_flood_is_answered_with_429(client: Client, charlie: User) -> None:
    """Nobody tries out by it who has an account."""
    url = link(charlie)
    for _ in range(21):
        response = client.post(url, {})

    assert response.status_code == 429


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"username": ""}, "This field is required"),
        ({"username": "ALICE"}, "username already exists"),
        ({"username": "a@b.example"}, "A username has no @ here"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"email": "nowhere"}, "Enter a valid email address"),
        ({"email": "Alice@Example.org"}, "There is an account with this address"),
        ({"password": "12345678"}, "too common"),
        ({"password": "eve@example.or"}, "too similar"),
        ({"password": "short"}, "too short"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: Client, charlie: User, alice: User, given: dict[str, str], said: str
) -> None:
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    before = User.objects.count()

    page = client.post(link(charlie), GIVEN | given)

    assert page.status_code == 200
    assert said in page.content.decode()
    assert "field-error" in page.content.decode()
    assert GIVEN["password"] not in page.content.decode()
    assert (User.objects.count(), Invite.objects.get().used) == (before, 0)


def test_a_name_that_is_taken_meanwhile_is_said_too(
    client: Client, charlie: User, monkeypatch
) -> None:
    url = link(charlie)
    accept = invites.accept

    def meanwhile(token: str, **values: str) -> User:
        User.objects.create_user(values["username"])
        return accept(token, **values)

    monkeypatch.setattr(invites, "accept", meanwhile)
    page = client.post(url, GIVEN)

    assert page.status_code == 200
    assert "Choose another one" in page.content.decode()
    assert Invite.objects.get().used == 0


def test_one_for_an_address_takes_no_other(client: Client, charlie: User) -> None:
    url = link(charlie, email="Eve@example.org")
    assert 'value="Eve@example.org"' in client.get(url).content.decode()

    page = client.post(url, GIVEN | {"email": "mallory@example.org"})
    assert page.status_code == 200
    assert "for another address" in page.content.decode()

    assert client.post(url, GIVEN).status_code == 302


def test_what_is_closed_looks_the_same_whatever_the_reason(
    client: Client, charlie: User
) -> None:
    url = link(charlie)
    Invite.objects.update(expires=timezone.now())
    expired = client.get(url)
    Invite.objects.update(expires=timezone.now() + timedelta(1), used=1)
    used, posted = client.get(url), client.post(url, GIVEN)
    unknown = client.get("/invite/nothing/")

    for page in (expired, used, posted, unknown):
        assert page.status_code == 404
        assert "This invitation is closed" in page.content.decode()
    assert len({main(page) for page in (expired, used, posted, unknown)}) == 1
    assert not User.objects.filter(username="eve").exists()


def test_who_is_signed_in_uses_nothing_up(
    client: Client, charlie: User, alice: User
) -> None:
    client.force_login(alice)
    url = link(charlie)

    for page in (client.get(url), client.post(url, GIVEN)):
        assert "You are signed in as alice" in page.content.decode()
    assert Invite.objects.get().used == 0


def test_it_needs_the_token_of_its_form(charlie: User) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(link(charlie), GIVEN).status_code == 403


def test_in_chinese(client: Client, charlie: User) -> None:
    page = client.get(link(charlie), headers={"Accept-Language": "zh-CN"})

    assert "邀请" in page.content.decode()
