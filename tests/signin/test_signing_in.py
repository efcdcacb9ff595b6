"""`/accounts/login/`: by name or address, with a password, so often and no oftener."""

from __future__ import annotations

import os
import secrets
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.test import Client

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
TOO_MANY = "Too many attempts to sign in."


@pytest.fixture
def wendy(db: None) -> User:
    return User.objects.create_user("Wendy", "wendy@example.org", "wendy-password")


def sign_in(client: Client, name: str, password: str, **more: Any) -> Any:
    body = {"username": name, "password": password, "next": more.pop("next", "")}
    return client.post(LOGIN, body, **more)


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


@pytest.mark.parametrize(
    "name", ["Wendy", "wendy", " Wendy ", "wendy@example.org", "Wendy@Example.org"]
)
def test_a_name_or_an_address_will_do(client: Client, wendy: User, name: str) -> None:
    response = sign_in(client, name, "wendy-password")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_in(client)


def test_of_two_names_that_differ_by_case_each_is_its_own(client: Client) -> None:
    for name in ("eve", "Eve"):
        User.objects.create_user(name, password=f"{name}-password")

    assert sign_in(client, "Eve", "Eve-password").status_code == 302
    assert client.get("/settings/").context["user"].username == "Eve"
    assert sign_in(Client(), "Eve", "eve-password").status_code == 200
    assert sign_in(Client(), "EVE", "eve-password").status_code == 200


@pytest.mark.parametrize(
    "name", ["Wendy", "wendy@example.org", "nobody", "no@body.org"]
)
def test_what_was_wrong_is_not_told(client: Client, wendy: User, name: str) -> None:
    response = sign_in(client, name, "wrong")

    assert response.status_code == 200
    assert (
        "correct username and password" in response.context["form"].errors["__all__"][0]
    )
    assert not is_in(client)


@pytest.mark.parametrize(
    "name", ["Wendy", "wendy@example.org", "nobody", "no@body.org"]
)
def test_a_wrong_password_is_hashed_as_often_for_everybody(
    client: Client, wendy: User, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    check, make = User.check_password, User.set_password
    monkeypatch.setattr(
        User, "check_password", lambda u, p: hashed.append(p) or check(u, p)
    )
    monkeypatch.setattr(
        User, "set_password", lambda u, p: hashed.append(p) or make(u, p)
    )

    sign_in(client, name, "wrong")

    assert hashed == ["wrong", "wrong"]  # once here, once by Django's own


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("/settings/", "/settings/"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_it_goes_on_to_pages_of_this_site_only(
    client: Client, wendy: User, wanted: str, got: str
) -> None:
    response = sign_in(client, "Wendy", "wendy-password", next=wanted)

    assert response["Location"] == got


def test_who_is_deactivated_is_told_so(client: Client, wendy: User) -> None:
    User.objects.update(is_active=False)
    response = sign_in(client, "Wendy", "wendy-password")

    assert response["Location"] == "/accounts/inactive/"
    assert not is_in(client)
    page = client.get("/accounts/inactive/").content.decode()
    assert "switched off" in page


def test_sessions_of_before_go_on(client: Client, wendy: User) -> None:
    client.force_login(wendy, "django.contrib.auth.backends.ModelBackend")

    assert is_in(client)


def test_signing_out_takes_a_post(client: Client, wendy: User) -> None:
    client.force_login(wendy)

    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert not is_in(client)


# Limits


def test_an_account_bears_five_wrong_passwords(client: Client, wendy: User) -> None:
    """By whatever name and host, from wherever; others are not concerned."""
    User.objects.create_user("other", password="other-password")
    for place, name in enumerate(("Wendy", "wendy", "wendy@example.org") * 2):
        client = Client(REMOTE_ADDR=f"10.0.0.{place}", SERVER_PORT=str(9000 + place))
        response = sign_in(client, name, "wrong")
    assert TOO_MANY in response.context["form"].errors["__all__"][0]

    assert TOO_MANY in sign_in(client, "Wendy", "wendy-password").content.decode()
    assert not is_in(client)
    assert sign_in(client, "other", "other-password").status_code == 302


def test_right_passwords_are_not_counted(client: Client, wendy: User) -> None:
    for _ in range(8):
        assert sign_in(Client(), "Wendy", "wendy-password").status_code == 302


@pytest.mark.on_one_database
def test_an_address_bears_thirty(client: Client, wendy: User) -> None:
    for place in range(31):
        response = sign_in(client, f"nobody-{place}", "wrong")
    assert TOO_MANY in response.context["form"].errors["__all__"][0]

    assert TOO_MANY in sign_in(client, "Wendy", "wendy-password").content.decode()
    elsewhere = Client(REMOTE_ADDR="10.0.0.7")
    assert sign_in(elsewhere, "Wendy", "wendy-password").status_code == 302


@pytest.mark.on_one_database
def test_what_a_client_says_of_its_address_counts_for_nothing(
    client: Client, wendy: User
) -> None:
    for place in range(31):
        claimed = {"X-Forwarded-For": f"10.0.0.{place}", "X-Real-Ip": f"10.0.1.{place}"}
        response = sign_in(client, f"nobody-{place}", "wrong", headers=claimed)

    assert TOO_MANY in response.content.decode()


@pytest.mark.on_one_database
def test_a_flood_is_answered_with_429(client: Client, wendy: User) -> None:
    for _ in range(121):
        response = client.post(LOGIN, {})

    assert response.status_code == 429
    assert "Wait a minute" in response.content.decode()


def test_behind_a_unix_socket_everybody_is_one(client: Client, wendy: User) -> None:
    assert sign_in(client, "Wendy", "wendy-password", REMOTE_ADDR="").status_code == 302


@pytest.fixture
def redis(settings: Any) -> Any:
    """As with REDIS_URL, where all processes count together."""
    url = os.environ.get("TEST_REDIS_URL")
    assert url, "run by scripts/with-services, as make test does"

    def use(address: str) -> None:
        backend = "django.core.cache.backends.redis.RedisCache"
        prefix = secrets.token_hex(8)
        settings.CACHES = {
            "default": {"BACKEND": backend, "LOCATION": address, "KEY_PREFIX": prefix}
        }

    use(url)
    return use


def test_with_redis_processes_count_together(wendy: User, redis: Any) -> None:
    for _ in range(5):
        sign_in(Client(), "Wendy", "wrong")
    # Another process has another connection, and nothing in its memory.
    caches.close_all()
    del caches["default"]

    assert TOO_MANY in sign_in(Client(), "Wendy", "wendy-password").content.decode()


def test_without_redis_nobody_comes_in_but_who_is_there_stays(
    client: Client, wendy: User, redis: Any
) -> None:
    client.force_login(wendy)
    redis("redis://127.0.0.1:9")
    response = sign_in(Client(), "Wendy", "wendy-password")

    assert response.status_code == 503
    assert "Nobody can sign in at the moment" in response.content.decode()
    assert is_in(client)


# The admin


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="root-password")


def test_the_admin_has_no_login_of_its_own(client: Client, root: User) -> None:
    asked = client.get("/admin/")
    assert asked["Location"] == "/admin/login/?next=/admin/"
    assert client.get(asked["Location"])["Location"] == f"{LOGIN}?next=/admin/"
    body = {"username": "root", "password": "root-password"}
    assert client.post("/admin/login/", body)["Location"].startswith(LOGIN)
    assert not is_in(client)


def test_the_admin_changes_no_password_either(client: Client, root: User) -> None:
    client.force_login(root)
    response = client.get("/admin/password_change/")

    assert response["Location"] == "/accounts/password/change/"


@pytest.mark.on_one_database
def test_who_found_an_open_browser_cannot_guess_the_password(
    client: Client, wendy: User
) -> None:
    """Not by deleting the account, or changing the password, either."""
    client.force_login(wendy)
    for path, name in (
        ("/settings/delete-account/", "answer"),
        ("/accounts/password/change/", "oldpassword"),
        ("/accounts/reauthenticate/", "password"),
    ):
        codes = [client.post(path, {name: "wrong"}).status_code for _ in range(11)]
        cache.clear()
        assert codes[-1] == 429, path


def test_from_there_one_gets_into_the_admin(client: Client, root: User) -> None:
    response = sign_in(client, "root", "root-password", next="/admin/")

    assert response["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/login/")["Location"] == "/admin/"


def test_who_is_no_staff_may_be_somebody_else(
    client: Client, wendy: User, root: User
) -> None:
    client.force_login(wendy)
    response = client.get("/admin/", follow=True)

    assert response.redirect_chain[-1][0] == f"{LOGIN}?next=/admin/"
    assert "Your account may not open that page" in response.content.decode()
    sign_in(client, "root", "root-password", next="/admin/")
    assert client.get("/admin/").status_code == 200


def test_the_admin_leads_nowhere_else(client: Client, root: User) -> None:
    away = client.get("/admin/login/?next=https://evil.example/")

    assert away["Location"] == f"{LOGIN}?next=/admin/"
    client.force_login(root)
    away = client.get("/admin/login/?next=//evil.example/")
    assert away["Location"] == "/admin/"


# Making an account


ACCOUNT = {
    "username": "new",
    "email": "new@example.org",
    "password1": "a long enough one",
    "password2": "a long enough one",
}


def test_nobody_makes_an_account_by_default(client: Client) -> None:
    assert not django_settings.CHAT_SIGNUP
    assert "Make an account" not in client.get(LOGIN).content.decode()
    response = client.post("/accounts/signup/", ACCOUNT)

    assert "Ask whoever runs this site" in response.content.decode()
    assert not User.objects.exists()


def test_where_it_is_open_the_address_is_confirmed_first(
    client: Client, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.CHAT_SIGNUP = True
    assert "Make an account" in client.get(LOGIN).content.decode()
    response = client.post("/accounts/signup/", ACCOUNT)
    assert response["Location"] == "/accounts/confirm-email/"
    assert not is_in(client)
    for name in ("new", "new@example.org"):  # not by another way either
        assert sign_in(client, name, ACCOUNT["password1"])["Location"].endswith(
            "/confirm-email/"
        )
    assert not is_in(client)

    link = next(word for word in mailoutbox[0].body.split() if "://" in word)
    assert "Confirm" in client.get(link).content.decode()
    client.post(link)
    assert EmailAddress.objects.get(email="new@example.org").verified
    sign_in(client, "new", ACCOUNT["password1"])
    assert is_in(client)


def test_without_mail_there_is_nothing_to_confirm(
    client: Client, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.CHAT_SIGNUP, settings.EMAIL_IS_SET = True, False
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"
    client.post("/accounts/signup/", ACCOUNT)

    assert is_in(client)
    assert not mailoutbox


def test_an_address_that_is_taken_looks_the_same(
    client: Client, wendy: User, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.CHAT_SIGNUP = True
    taken = {**ACCOUNT, "email": "wendy@example.org"}
    response = client.post("/accounts/signup/", taken)

    assert response["Location"] == "/accounts/confirm-email/"
    assert not User.objects.filter(username="new").exists()
    assert mailoutbox[0].to == ["wendy@example.org"]
    assert "already exists" in mailoutbox[0].body


def test_accounts_of_staff_need_no_confirming(client: Client, wendy: User) -> None:
    """Those made in the admin, by a command, or from before."""
    EmailAddress.objects.create(user=wendy, email="other@example.org")
    User.objects.update(last_login="2026-01-01T00:00:00Z")

    sign_in(client, "Wendy", "wendy-password")
    assert is_in(client)
