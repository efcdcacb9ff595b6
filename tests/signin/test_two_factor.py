"""The second factor: switched on by oneself, asked for at each way in, removed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from base64 import b32decode
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from chat.models import ApiKey, AuditEntry

pytestmark = pytest.mark.django_db
ACTIVATE = "/accounts/2fa/totp/activate/"
DEACTIVATE = "/accounts/2fa/totp/deactivate/"
AUTHENTICATE = "/accounts/2fa/authenticate/"
CODES = "/accounts/2fa/recovery-codes/"
PEOPLE = "/admin/auth/user/"


@pytest.fixture(autouse=True)
def long_period(settings: Any) -> None:
    """A code of this minute holds for the whole test."""
    settings.MFA_TOTP_PERIOD = 10**10


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="root-password")


def code_of(secret: str) -> str:
    """RFC 6238, of the only period there is."""
    digest = hmac.new(b32decode(secret), struct.pack(">Q", 0), hashlib.sha1).digest()
    at = digest[-1] & 15
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def sign_in(client: Client, name: str, password: str, next: str = "") -> Any:
    body = {"username": name, "password": password, "next": next}
    return client.post("/accounts/login/", body)


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def switch_on(user: User) -> tuple[Client, str, list[str]]:
    """As people do it: the client, the secret, the recovery codes."""
    client = Client()
    password = f"{user.username}-password"
    sign_in(client, user.username, password)
    asked = client.get(ACTIVATE)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    client.post(asked["Location"], {"password": password})
    page = client.get(ACTIVATE)
    secret = page.context["form"].secret
    assert "data:image/svg+xml" in page.content.decode()
    assert "data:" in page["Content-Security-Policy"].split("img-src")[1].split(";")[0]
    done = client.post(ACTIVATE, {"code": code_of(secret)})
    assert done["Location"] == CODES
    codes = client.get(CODES).context["unused_codes"]
    assert len(codes) == 10
    return client, secret, codes


def test_a_password_alone_opens_nothing_any_more(alice: User) -> None:
    _client, secret, _codes = switch_on(alice)
    client = Client()
    response = sign_in(client, "alice", "alice-password", next="/settings/")
    assert response["Location"] == AUTHENTICATE
    assert not is_in(client)
    wrong = client.post(AUTHENTICATE, {"code": "000000"})
    assert "code" in wrong.context["form"].errors
    assert not is_in(client)
    done = client.post(AUTHENTICATE, {"code": code_of(secret)})

    assert done["Location"] == "/settings/"
    assert is_in(client)


def test_a_code_opens_once(alice: User) -> None:
    _client, secret, _codes = switch_on(alice)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, "alice", "alice-password")
        client.post(AUTHENTICATE, {"code": code_of(secret)})

    assert is_in(first)
    assert not is_in(second)


def test_a_recovery_code_opens_once(alice: User) -> None:
    _client, _secret, codes = switch_on(alice)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, "alice", "alice-password")
        client.post(AUTHENTICATE, {"code": codes[3]})

    assert is_in(first)
    assert not is_in(second)


def test_codes_cannot_be_guessed(alice: User) -> None:
    _client, secret, _codes = switch_on(alice)
    for place in range(6):
        client = Client(REMOTE_ADDR=f"10.0.0.{place}")
        sign_in(client, "alice", "alice-password")
        response = client.post(AUTHENTICATE, {"code": "000000"})
    assert "Too many attempts" in response.content.decode()

    client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert not is_in(client)


def test_the_second_step_is_none_without_the_first(alice: User) -> None:
    _client, secret, _codes = switch_on(alice)
    client = Client()

    for response in (
        client.get(AUTHENTICATE),
        client.post(AUTHENTICATE, {"code": code_of(secret)}),
    ):
        assert response["Location"] == "/accounts/login/"
    assert not is_in(client)


def test_the_admin_asks_for_it_too(root: User) -> None:
    _client, secret, _codes = switch_on(root)
    client = Client()
    sign_in(client, "root", "root-password", next="/admin/")
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/?next=/admin/")["Location"].startswith("/accounts/")
    done = client.post(AUTHENTICATE, {"code": code_of(secret)})

    assert done["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_new_password_by_mail_does_not_go_round_it(
    alice: User, mailoutbox: list[Any]
) -> None:
    switch_on(alice)
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    client = Client()
    client.post("/accounts/password/reset/", {"email": "alice@example.org"})
    link = next(word for word in mailoutbox[-1].body.split() if "://" in word)
    new = {"password1": "a long enough one", "password2": "a long enough one"}
    client.post(client.get(link)["Location"], new)
    assert not is_in(client)

    assert sign_in(client, "alice", "a long enough one")["Location"] == AUTHENTICATE
    assert not is_in(client)


def test_keys_are_not_concerned(alice: User) -> None:
    _row, key = ApiKey.objects.create_key(alice, "laptop")
    switch_on(alice)

    program = Client(headers={"Authorization": f"Bearer {key}"})
    assert program.get("/api/models").status_code == 200


# Looking after it


def test_it_is_switched_on_and_off_in_the_settings(alice: User) -> None:
    client, _secret, _codes = switch_on(alice)
    page = client.get("/settings/").content.decode()
    assert DEACTIVATE in page
    assert ACTIVATE not in page
    assert client.get("/accounts/2fa/")["Location"] == "/settings/#sign-in"

    assert "Switch two-factor off?" in client.get(DEACTIVATE).content.decode()
    client.post(DEACTIVATE)
    assert ACTIVATE in client.get("/settings/").content.decode()
    assert not Authenticator.objects.exists()
    assert sign_in(Client(), "alice", "alice-password")["Location"] == "/"


@pytest.mark.parametrize("path", [ACTIVATE, DEACTIVATE, CODES, f"{CODES}generate/"])
def test_an_open_browser_is_not_enough(alice: User, path: str) -> None:
    if path != ACTIVATE:
        switch_on(alice)
    client = Client()
    client.force_login(alice)

    for response in (client.get(path), client.post(path, {"code": "000000"})):
        if response.status_code != 405:
            assert "/reauthenticate/" in response["Location"]


def test_codes_can_be_made_anew_and_taken_along(alice: User) -> None:
    client, _secret, codes = switch_on(alice)
    client.post(f"{CODES}generate/")
    new = client.get(CODES).context["unused_codes"]
    file = client.get(f"{CODES}download/")

    assert not set(new) & set(codes)
    assert file.content.decode().split() == new
    assert "attachment" in file["Content-Disposition"]


def test_a_code_confirms_that_it_is_them(alice: User) -> None:
    _client, secret, _codes = switch_on(alice)
    client = Client()
    client.force_login(alice)
    path = f"/accounts/2fa/reauthenticate/?next={CODES}"
    done = client.post(path, {"code": code_of(secret)})

    assert done["Location"] == CODES
    assert client.get(CODES).status_code == 200


def test_the_database_alone_gives_nothing_away(alice: User, settings: Any) -> None:
    _client, secret, codes = switch_on(alice)
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in codes)
    settings.SECRET_KEY = "another key, of which nobody knew when it was stored"
    client = Client()
    sign_in(client, "alice", "alice-password")

    for code in (code_of(secret), codes[0], "", "000000"):
        client.post(AUTHENTICATE, {"code": code})
    assert not is_in(client)


# Somebody lost it


def remove(client: Client, *users: User) -> Any:
    body = {"action": "remove_two_factor", "_selected_action": [u.pk for u in users]}
    return client.post(PEOPLE, body, follow=True)


def test_a_superuser_sees_it_and_takes_it_away(
    alice: User, bob: User, root: User
) -> None:
    switch_on(alice)
    client = Client()
    client.force_login(root)
    shown = client.get(PEOPLE).content.decode()
    column = re.findall(r'field-second_factor"><img src="[^"]+" alt="(\w+)"', shown)
    assert sorted(column) == ["False", "False", "True"]

    told = remove(client, alice, bob).content.decode()
    assert "1 user signs in by the password alone now." in told
    assert sign_in(Client(), "alice", "alice-password")["Location"] == "/"
    entry = AuditEntry.objects.get(action="two_factor")
    assert (entry.actor, entry.subject, entry.object) == (
        *(root.pk, alice.pk, str(alice.pk)),
    )


def test_other_staff_neither_sees_it_nor_takes_it_away(
    alice: User, charlie: User
) -> None:
    switch_on(alice)
    charlie.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    client = Client()
    client.force_login(charlie)

    assert "second_factor" not in client.get(PEOPLE).content.decode()
    remove(client, alice)
    assert Authenticator.objects.exists()
    assert not AuditEntry.objects.filter(action="two_factor").exists()


def test_a_command_lets_the_last_superuser_in(root: User, capsys: Any) -> None:
    switch_on(root)
    call_command("remove_two_factor", "root")

    assert "root signs in by the password alone" in capsys.readouterr().out
    assert sign_in(Client(), "root", "root-password")["Location"] == "/"
    assert AuditEntry.objects.get(action="two_factor").actor is None
    for name in ("root", "nobody"):
        with pytest.raises(CommandError, match=name):
            call_command("remove_two_factor", name)
