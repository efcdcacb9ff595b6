"""Another password: by mail, by the old one, or through whoever runs the site."""

from __future__ import annotations

import smtplib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.mail.backends import locmem
from django.test import Client

pytestmark = pytest.mark.django_db
RESET = "/accounts/password/reset/"
CHANGE = "/accounts/password/change/"
NEW = {"password1": "a long enough one", "password2": "a long enough one"}


@pytest.fixture
def wendy(db: None) -> User:
    return User.objects.create_user("wendy", "wendy@example.org", "wendy-password")


@pytest.fixture
def hers(wendy: User) -> Client:
    client = Client()
    client.force_login(wendy)
    return client


def link_in(mail: Any) -> str:
    return next(word for word in mail.body.split() if "://" in word)


def ask(client: Client, address: str) -> Any:
    return client.post(RESET, {"email": address})


def test_a_link_by_mail_gives_another_one(
    client: Client, hers: Client, wendy: User, mailoutbox: list[Any]
) -> None:
    assert ask(client, "Wendy@example.org")["Location"] == f"{RESET}done/"
    assert "wendy" in mailoutbox[0].body
    page = client.get(link_in(mailoutbox[0]))["Location"]
    assert page.endswith("-set-password/")  # the key is not in the address any more
    done = client.post(page, NEW)

    assert done["Location"] == f"{RESET}key/done/"
    assert mailoutbox[1].to == ["wendy@example.org"]  # told that it happened
    assert hers.get("/").status_code == 302  # and her sessions have ended
    assert client.login(username="wendy", password=NEW["password1"])


def test_a_link_works_once(client: Client, wendy: User, mailoutbox: list[Any]) -> None:
    ask(client, "wendy@example.org")
    client.post(client.get(link_in(mailoutbox[0]))["Location"], NEW)

    page = Client().get(link_in(mailoutbox[0]))
    assert "This link opens nothing" in page.content.decode()


def test_an_address_that_is_unknown_looks_the_same(
    client: Client, wendy: User, mailoutbox: list[Any]
) -> None:
    assert ask(client, "no@example.org")["Location"] == f"{RESET}done/"

    assert mailoutbox[0].to == ["no@example.org"]
    assert "no such account" in mailoutbox[0].body
    assert "signup" not in mailoutbox[0].body


def test_who_has_no_password_gets_none(
    client: Client, wendy: User, mailoutbox: list[Any]
) -> None:
    wendy.set_unusable_password()
    wendy.save()
    ask(client, "wendy@example.org")

    assert "no such account, or" in mailoutbox[0].body
    client.force_login(wendy)
    assert client.get(CHANGE).status_code == 404
    assert CHANGE not in client.get("/settings/").content.decode()


def test_who_is_deactivated_gets_none(
    client: Client, wendy: User, mailoutbox: list[Any]
) -> None:
    User.objects.update(is_active=False)
    ask(client, "wendy@example.org")

    assert "no such account" in mailoutbox[0].body


def test_an_address_is_not_flooded(
    client: Client, wendy: User, mailoutbox: list[Any]
) -> None:
    for place in range(6):
        asked = Client(REMOTE_ADDR=f"10.0.0.{place}")
        response = ask(asked, "wendy@example.org")

    assert response.status_code == 429
    assert len(mailoutbox) == 5


def test_without_a_mail_server_it_says_whom_to_ask(
    client: Client, hers: Client, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.EMAIL_IS_SET = False
    for response in (client.get(RESET), ask(client, "wendy@example.org")):
        assert "Ask whoever runs it" in response.content.decode()

    assert not mailoutbox
    assert hers.get("/accounts/email/").status_code == 404
    assert "/accounts/email/" not in hers.get("/settings/").content.decode()


def test_a_mail_server_that_is_away_is_told_to_the_log_alone(
    client: Client, wendy: User, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def away(*_all: Any) -> int:
        raise smtplib.SMTPServerDisconnected("away")

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", away)
    for address in ("wendy@example.org", "no@example.org"):
        assert ask(client, address)["Location"] == f"{RESET}done/"

    assert "No mail could be sent" in caplog.text
    assert "example.org" not in caplog.text


def test_the_old_one_gives_another_one(
    hers: Client, wendy: User, mailoutbox: list[Any]
) -> None:
    elsewhere = Client()
    elsewhere.force_login(wendy)
    wrong = hers.post(CHANGE, {"oldpassword": "wrong", **NEW})
    assert "oldpassword" in wrong.context["form"].errors
    done = hers.post(CHANGE, {"oldpassword": "wendy-password", **NEW})

    assert done["Location"] == "/settings/"
    assert hers.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302
    assert mailoutbox[0].to == ["wendy@example.org"]


def test_a_weak_one_is_refused(hers: Client) -> None:
    weak = {"password1": "12345678", "password2": "12345678"}
    refused = hers.post(CHANGE, {"oldpassword": "wendy-password", **weak})

    assert "password1" in refused.context["form"].errors


# E-mail addresses


def test_another_address_counts_when_it_is_confirmed(
    hers: Client, mailoutbox: list[Any]
) -> None:
    add = {"action_add": "1", "email": "w@example.net"}
    asked = hers.post("/accounts/email/", add)  # is it her?
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    hers.post(asked["Location"], {"password": "wendy-password"})
    assert mailoutbox[-1].to == ["w@example.net"]
    hers.post(link_in(mailoutbox[-1]))
    hers.post("/accounts/email/", {"action_primary": "1", "email": "w@example.net"})

    assert User.objects.get(username="wendy").email == "w@example.net"
    assert "w@example.net" in hers.get("/accounts/email/").content.decode()


def test_an_address_of_somebody_else_stays_theirs(
    hers: Client, bob: User, mailoutbox: list[Any]
) -> None:
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    hers.post("/accounts/email/", {"action_send": "1", "email": "bob@example.org"})
    hers.post("/accounts/email/", {"action_remove": "1", "email": "bob@example.org"})
    hers.post("/accounts/email/", {"action_primary": "1", "email": "bob@example.org"})

    assert not mailoutbox
    assert User.objects.get(username="wendy").email == "wendy@example.org"
