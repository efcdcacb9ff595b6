"""Single sign-on, with a real provider: who comes in, as whom, and who does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from chat.people import invites
from chat.signin import sso
from chatsite.handler import OneHopHandler

from .openid import CALLBACK, Browser, OpenID, provider

ADA = {"email": "ada@example.org", "email_verified": True}
Ada = partial(User.objects.get, username="ada")


@pytest.fixture(scope="module")
def _openid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenID]:
    with provider(tmp_path_factory.mktemp("provider"), CALLBACK) as found:
        yield found


@pytest.fixture
def openid(_openid: OpenID, db: None, settings: Any) -> OpenID:
    settings.OIDC_ISSUER = _openid.issuer
    settings.OIDC_CLIENT_ID = "chatsite"
    settings.OIDC_CLIENT_SECRET = "a secret for tests"
    settings.OIDC_NAME = "The School"
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 60
    _openid.knows("ada", preferred_username="ada", name="Ada Lovelace", **ADA)
    return _openid


@pytest.fixture
def browser() -> Browser:
    return Browser()


def query(url: str) -> dict[str, str]:
    return {name: found[0] for name, found in parse_qs(urlsplit(url).query).items()}


def text(response: Any) -> str:
    return str(response.content.decode())


# Coming in


def test_the_first_time_makes_an_account(openid: OpenID, browser: Browser) -> None:
    assert "Sign in with The School" in text(browser.here.get("/accounts/login/"))
    response = browser.signs_in("ada", next="/settings/")

    assert response["Location"] == "/settings/"
    assert browser.is_in
    assert (Ada().email, Ada().first_name, Ada().last_name) == (
        *("ada@example.org", "Ada", "Lovelace"),
    )
    assert not Ada().has_usable_password()
    assert not Ada().is_staff
    assert EmailAddress.objects.get(user=Ada()).verified


def test_the_second_time_finds_it(openid: OpenID, browser: Browser) -> None:
    browser.signs_in("ada")
    # Their address there may be another one by then.
    openid.knows("ada", preferred_username="countess", email="new@example.org")
    other = Browser()
    other.signs_in("ada")

    assert other.is_in
    assert User.objects.count() == 1


def test_signing_out_here_ends_the_session_here(
    openid: OpenID, browser: Browser
) -> None:
    browser.signs_in("ada")
    browser.here.post("/accounts/logout/")
    assert not browser.is_in

    browser.signs_in("ada")  # the provider still knows who it is
    assert browser.is_in


def test_it_goes_on_to_pages_of_this_site_only(
    openid: OpenID, browser: Browser
) -> None:
    assert browser.signs_in("ada", next="https://evil.example/")["Location"] == "/"


def test_what_the_page_asks_of_the_provider(openid: OpenID, browser: Browser) -> None:
    """PKCE, a state and a nonce; nothing that the address of the page says."""
    page = "/accounts/sso/login/?scope=admin&auth_params=prompt%3Dnone&process=connect"
    asked = query(
        text(browser.here.post(page))
        .split("url=")[1]
        .split('"')[0]
        .replace("&amp;", "&")
    )

    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) == 32
    assert len(asked["state"]) >= 16
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert "prompt" not in asked


def test_a_name_that_is_taken_becomes_another_one(
    openid: OpenID, browser: Browser
) -> None:
    User.objects.create_user("ada", password="somebody-else")
    browser.signs_in("ada")

    assert browser.is_in
    account = SocialAccount.objects.get()
    assert account.user.username != "ada"


def test_a_name_cannot_be_an_address(openid: OpenID, browser: Browser) -> None:
    """It would stand before that of its owner when they sign in."""
    openid.knows("ada", preferred_username="boss@example.org", **ADA)
    browser.signs_in("ada")

    assert "@" not in User.objects.get().username


# Staying out


def test_an_address_outside_the_domains_is_refused(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_ALLOWED_DOMAINS = ["school.example"]
    response = browser.signs_in("ada")
    assert response.status_code == 403
    assert "this site is for other e-mail addresses" in text(response)
    openid.knows("ada", email="ada@school.example", email_verified=False)
    assert browser.signs_in("ada").status_code == 403
    assert not User.objects.exists()

    openid.knows("ada", email="Ada@School.example", email_verified=True)
    browser.signs_in("ada")
    assert browser.is_in


def test_who_leaves_the_domain_does_not_come_back(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    browser.signs_in("ada")
    settings.OIDC_ALLOWED_DOMAINS = ["school.example"]

    assert Browser().signs_in("ada").status_code == 403


def test_without_new_accounts_only_known_ones_come_in(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_SIGNUP = False
    response = browser.signs_in("ada")
    assert response.status_code == 403
    assert "you have no account here" in text(response)

    settings.OIDC_SIGNUP = True
    browser.signs_in("ada")
    settings.OIDC_SIGNUP = False
    other = Browser()
    other.signs_in("ada")
    assert other.is_in


def test_who_is_deactivated_stays_out(openid: OpenID, browser: Browser) -> None:
    browser.signs_in("ada")
    User.objects.update(is_active=False)
    other = Browser()

    assert other.signs_in("ada")["Location"] == "/accounts/inactive/"
    assert not other.is_in
    assert not browser.is_in


def test_a_second_factor_of_here_is_asked_for_here(
    openid: OpenID, browser: Browser
) -> None:
    browser.signs_in("ada")
    Authenticator.objects.create(user=Ada(), type="totp", data={"secret": ""})
    other = Browser()

    assert other.signs_in("ada")["Location"] == "/accounts/2fa/authenticate/"
    assert not other.is_in


# Accounts that are there already


@pytest.mark.parametrize("links", [False, True])
def test_an_address_nobody_verified_opens_nothing(
    openid: OpenID, browser: Browser, settings: Any, links: bool
) -> None:
    """And it is not kept: it could be somebody's."""
    settings.OIDC_LINK_BY_EMAIL = links
    boss = User.objects.create_superuser("boss", "ada@example.org", "boss-password")
    openid.knows("ada", email="ada@example.org", email_verified=False)
    browser.signs_in("ada")

    account = SocialAccount.objects.get().user
    assert account != boss
    assert account.email == ""
    assert not EmailAddress.objects.filter(user=account).exists()


def test_an_account_is_not_opened_by_its_address(
    openid: OpenID, browser: Browser
) -> None:
    User.objects.create_user("boss", "ada@example.org", "boss-password")
    response = browser.signs_in("ada")

    assert response.status_code == 403
    assert "single sign-on does not open it" in text(response)
    assert User.objects.count() == 1


def test_with_the_setting_it_is_and_keeps_its_password(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_LINK_BY_EMAIL = True
    boss = User.objects.create_user("boss", "ada@example.org", "boss-password")
    browser.signs_in("ada")

    assert browser.is_in
    assert SocialAccount.objects.get().user == boss
    assert Client().login(username="boss", password="boss-password")


def test_an_address_that_staff_gave_counts_beside_another_one(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_LINK_BY_EMAIL = True
    boss = User.objects.create_user("boss", "ada@example.org", "boss-password")
    row = EmailAddress(user=boss, email="b@example.org", primary=True, verified=True)
    row.save()
    browser.signs_in("ada")

    assert browser.is_in
    assert EmailAddress.objects.get(user=boss, primary=True) == row


def test_who_made_an_account_under_that_address_does_not_get_them(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    """Somebody who waits in it, with a password, for whom the address belongs to."""
    settings.OIDC_LINK_BY_EMAIL = True
    trap = User.objects.create_user("trap", "ada@example.org", "trap-password")
    EmailAddress.objects.create(user=trap, email="ada@example.org", primary=True)

    assert browser.signs_in("ada").status_code == 403
    assert not SocialAccount.objects.exists()


def test_who_was_invited_and_named_that_address_does_not_get_them(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_LINK_BY_EMAIL = True
    end = timezone.now() + timedelta(days=1)
    root = User.objects.create_superuser("root")
    _row, token = invites.make(root, [], expires=end)
    invites.accept(
        token, username="trap", email="Ada@Example.org", password="trap-password"
    )

    assert browser.signs_in("ada").status_code == 403
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("said", "kept"), [({}, True), ({"email_verified": False}, False)]
)
def test_a_provider_that_says_nothing_may_be_trusted(
    openid: OpenID, browser: Browser, settings: Any, said: Any, kept: bool
) -> None:
    settings.OIDC_TRUST_EMAIL = True
    openid.knows("ada", preferred_username="ada", email="ada@example.org", **said)
    browser.signs_in("ada")

    assert (Ada().email == "ada@example.org") is kept


# Groups


def test_groups_follow_the_claim(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    """Those that are mapped, in and out; no others."""
    settings.OIDC_GROUPS = {"idp-teachers": "Teachers", "idp-pupils": "Pupils"}

    def groups_after(claim: Any) -> set[str]:
        openid.knows("ada", preferred_username="ada", groups=claim, **ADA)
        Browser().signs_in("ada")
        return {group.name for group in Ada().groups.all()}

    assert groups_after(["idp-teachers", "idp-pupils", "other"]) == {
        *("Teachers", "Pupils"),
    }
    Ada().groups.add(Group.objects.create(name="by hand"))
    assert groups_after(["idp-pupils"]) == {"Pupils", "by hand"}
    assert groups_after("idp-teachers") == {"Teachers", "by hand"}
    assert groups_after(None) == {"by hand"}


# What does not fit


def refused(response: Any) -> bool:
    return response.status_code == 400 and "does not fit" in text(response)


def test_another_state_is_refused(openid: OpenID, browser: Browser) -> None:
    back = browser.returns(browser.leaves(), "ada")
    state = query(back)["state"]

    assert refused(browser.here.get(back.replace(state, "another")))
    assert refused(Browser().here.get(back))  # one of another browser
    browser.here.get(back)
    assert browser.is_in
    browser.here.post("/accounts/logout/")
    assert refused(browser.here.get(back))  # and it is used up
    assert not browser.is_in


def test_another_nonce_is_refused(openid: OpenID, browser: Browser) -> None:
    """A real token of the same provider for the same person, from another start."""
    away = browser.leaves()
    nonce = query(away)["nonce"]
    back = browser.returns(away.replace(nonce, "another"), "ada")

    assert refused(browser.here.get(back))
    assert not User.objects.exists()


def test_another_code_is_refused(openid: OpenID, browser: Browser) -> None:
    """One that somebody else began: PKCE."""
    theirs = query(browser.returns(browser.leaves(), "ada"))
    mine = Browser()
    back = mine.returns(mine.leaves(), "ada")

    assert refused(mine.here.get(back.replace(query(back)["code"], theirs["code"])))


def test_another_issuer_is_refused(openid: OpenID, browser: Browser) -> None:
    back = browser.returns(browser.leaves(), "ada")
    issuer = query(back)["iss"]

    assert issuer == openid.issuer
    assert refused(
        browser.here.get(f"{back.split('&iss=')[0]}&iss=https://evil.example")
    )


def test_an_issuer_with_another_name_is_refused(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_ISSUER = openid.issuer.replace("127.0.0.1", "localhost")

    assert refused(browser.here.post("/accounts/sso/login/"))


def test_the_same_id_of_another_provider_is_somebody_else(
    openid: OpenID, browser: Browser
) -> None:
    browser.signs_in("ada")
    SocialAccount.objects.update(provider="https://before.example")
    User.objects.update(email="")
    EmailAddress.objects.all().delete()
    Browser().signs_in("ada")

    assert SocialAccount.objects.count() == User.objects.count() == 2


def test_who_stops_there_is_told_that_nothing_changed(
    openid: OpenID, browser: Browser
) -> None:
    state = query(browser.leaves())["state"]
    back = f"/accounts/sso/login/callback/?error=access_denied&state={state}"

    assert "Nothing has changed here" in text(browser.here.get(back))


def test_a_provider_that_is_away_has_a_page(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    response = browser.here.post("/accounts/sso/login/")

    assert response.status_code == 502
    assert "The School does not answer at the moment" in text(response)


def test_without_a_provider_there_is_nothing(
    openid: OpenID, browser: Browser, settings: Any
) -> None:
    settings.OIDC_ISSUER = ""

    assert "Sign in with" not in text(browser.here.get("/accounts/login/"))
    for path in ("/accounts/sso/login/", "/accounts/sso/login/callback/"):
        assert browser.here.get(path).status_code == 404
    assert browser.here.post("/accounts/sso/login/").status_code == 404


# A provider that hangs


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> OneHopHandler:
    """Without protection against foreign forms: there is no form here."""
    csrf = "django.middleware.csrf.CsrfViewMiddleware.process_view"
    monkeypatch.setattr(csrf, lambda *_all: None)
    return OneHopHandler()


async def ask(handler: OneHopHandler, method: str, path: str) -> int:
    """The status, as a server gets it."""
    sent: list[Any] = []
    body = iter([{"type": "http.request"}])

    async def receive() -> Any:
        return next(body, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await handler(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.django_db(transaction=True)
async def test_one_that_hangs_holds_up_nobody_else(
    handler: OneHopHandler, settings: Any
) -> None:
    """Neither the event loop nor all threads wait for it."""
    asked, released = asyncio.Semaphore(0), asyncio.Event()

    async def hang(_reader: Any, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await released.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings.OIDC_ISSUER = f"http://127.0.0.1:{port}"
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 60
    there = partial(ask, handler, "POST", "/accounts/sso/login/")
    waiting = [asyncio.create_task(there()) for _ in range(sso.AT_ONCE)]
    for _ in waiting:
        await asked.acquire()

    assert await ask(handler, "GET", "/healthz") == 200
    assert await there() == 503
    assert not any(task.done() for task in waiting)
    released.set()
    assert await asyncio.gather(*waiting) == [502] * sso.AT_ONCE
    server.close()
