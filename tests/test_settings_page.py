"""`/settings/` by plain forms, as a browser without scripts sends them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chat.limits import usage
from chat.models import ApiKey, Preferences, Usage
from chat.people import keys, preferences

pytestmark = pytest.mark.django_db
KEY = re.compile(r"cs-[\w-]{40,}")
GOOD = {
    "language": "en",
    "theme": "dark",
    "typewriter": "fixed",
    "typewriter_speed": "90",
    "remote_images": "on",
}


@pytest.fixture
def session(alice: User) -> Client:
    client = Client(enforce_csrf_checks=False)
    client.force_login(alice)
    return client


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/settings/"),
        ("post", "/settings/"),
        ("post", "/settings/keys/"),
        ("post", "/settings/keys/1/revoke/"),
        ("get", "/settings/delete-account/"),
        ("post", "/settings/delete-account/"),
    ],
)
class TestCallers:
    def test_it_asks_to_sign_in(self, method: str, path: str) -> None:
        response = getattr(Client(), method)(path)

        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")

    def test_what_changes_needs_the_csrf_token(self, alice, method, path) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        wanted = 200 if method == "get" else 403
        assert getattr(client, method)(path).status_code == wanted
        assert User.objects.filter(pk=alice.pk).exists()


class TestPreferences:
    def test_they_are_kept(self, session, alice) -> None:
        response = session.post("/settings/", GOOD)

        assert response.status_code == 302
        row = Preferences.objects.get(user=alice)
        assert (row.language, row.theme, row.typewriter) == ("en", "dark", "fixed")
        assert (row.typewriter_speed, row.remote_images) == (90, True)
        page = text(session.get("/settings/"))
        assert "Saved." in page
        assert 'data-theme="dark"' in page

    def test_a_language_applies_at_once(self, session) -> None:
        session.post("/settings/", GOOD | {"language": "zh-hans"})

        page = text(session.get("/settings/"))
        assert 'lang="zh-hans"' in page
        assert "已保存" in page

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("theme", "pink"),
            ("language", "tlh"),
            ("typewriter", ""),
            ("typewriter_speed", "4"),
            ("typewriter_speed", "x"),
        ],
    )
    def test_it_shows_what_is_wrong(self, session, name, value) -> None:
        response = session.post("/settings/", GOOD | {name: value})

        assert response.status_code == 400
        assert 'class="errorlist"' in text(response)
        assert "pink" not in str(response.cookies)
        assert not Preferences.objects.exists()

    def test_the_languages_form_of_every_page_keeps_it_too(self, session, alice):
        session.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"})
        assert preferences.of(alice).language == "zh-hans"

        session.post("/i18n/setlang/", {"language": "tlh", "next": "/"})
        assert preferences.of(alice).language == "zh-hans"

    def test_without_signing_in_it_is_a_cookie(self) -> None:
        client = Client()
        client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"})

        assert client.cookies["django_language"].value == "zh-hans"
        assert not Preferences.objects.exists()


class TestKeys:
    def test_one_is_shown_once(self, session, alice) -> None:
        day = timezone.localdate() + timedelta(days=30)
        wish = {"name": "robot", "scopes": ["read"], "expires": day.isoformat()}

        response = session.post("/settings/keys/", wish)

        [key] = set(KEY.findall(text(response)))
        row = ApiKey.objects.verify(key)
        assert row is not None
        assert (row.user, row.name, row.scopes) == (alice, "robot", "read")
        assert row.expires is not None
        assert timezone.localdate(row.expires) == day
        assert "no-store" in response["Cache-Control"]
        assert not KEY.search(text(session.get("/settings/")))
        assert "robot" in text(session.get("/settings/"))

    @pytest.mark.parametrize(
        "wish",
        [
            {"scopes": []},
            {"scopes": ["admin"]},
            {"name": "x" * 101},
            {"expires": "2020-01-01"},
            {"expires": str(date.max)},
            {"expires": "soon"},
        ],
    )
    def test_it_shows_what_is_wrong(self, session, wish) -> None:
        response = session.post("/settings/keys/", {"scopes": ["chat"]} | wish)

        assert response.status_code == 400
        assert 'class="errorlist' in text(response)
        assert not ApiKey.objects.exists()

    def test_one_too_many(self, session, monkeypatch) -> None:
        monkeypatch.setattr(keys, "MAX_KEYS", 0)
        response = session.post("/settings/keys/", {"scopes": ["chat"]})

        assert response.status_code == 400
        assert "revoke one" in text(response)

    def test_it_revokes(self, session, alice) -> None:
        row, key = ApiKey.objects.create_key(alice, "old one")
        response = session.post(f"/settings/keys/{row.pk}/revoke/", follow=True)

        assert "opens nothing any more" in text(response)
        assert "old one" not in text(response)
        assert ApiKey.objects.verify(key) is None

    def test_not_bobs(self, session, bob) -> None:
        row, key = ApiKey.objects.create_key(bob, "bobs own")

        assert session.post(f"/settings/keys/{row.pk}/revoke/").status_code == 404
        assert ApiKey.objects.verify(key) == row
        assert "bobs own" not in text(session.get("/settings/"))

    def test_a_hostile_name_is_text(self, session, alice) -> None:
        ApiKey.objects.create_key(alice, '"><script>alert(1)</script>')

        assert "<script>alert" not in text(session.get("/settings/"))


class TestLeaving:
    URL = "/settings/delete-account/"

    def test_the_password_is_asked_for(self, session, alice) -> None:
        assert 'type="password"' in text(session.get(self.URL))
        for answer in ("", "alice", "wrong"):
            response = session.post(self.URL, {"answer": answer})
            assert response.status_code == 400
            assert "field-error" in text(response)
        assert User.objects.filter(pk=alice.pk).exists()

    def test_with_it_everything_goes(self, session, alice) -> None:
        response = session.post(self.URL, {"answer": "alice-password"})

        assert (response.status_code, response["Location"]) == (302, "/goodbye/")
        assert not User.objects.filter(pk=alice.pk).exists()
        page = session.get("/goodbye/")
        assert page.status_code == 200
        assert page["Clear-Site-Data"] == '"storage"'
        assert session.get("/").status_code == 302

    def test_without_a_password_the_name_is_asked_for(self, session, alice) -> None:
        alice.set_unusable_password()
        alice.save()
        session.force_login(alice)

        assert 'type="password"' not in text(session.get(self.URL))
        assert session.post(self.URL, {"answer": "Alice"}).status_code == 400
        assert session.post(self.URL, {"answer": "alice"}).status_code == 302
        assert not User.objects.exists()

    def test_the_last_superuser_stays(self, session, alice) -> None:
        User.objects.update(is_superuser=True)

        response = session.post(self.URL, {"answer": "alice-password"})

        assert response.status_code == 400
        assert "last superuser" in text(response)
        assert User.objects.filter(pk=alice.pk).exists()


class TestUsage:
    def add(self, user: User, tokens: int, back: int = 0) -> None:
        Usage.objects.create(
            user=user,
            day=usage.today() - timedelta(days=back),
            model="demo",
            source="web",
            requests=3,
            prompt_tokens=tokens,
            completion_tokens=0,
        )

    def test_todays_is_shown_beside_its_limit(self, session, alice, settings) -> None:
        settings.CHAT_DAILY_TOKENS = 50_000
        self.add(alice, 1234)

        page = text(session.get("/settings/"))

        assert "1,234 of 50,000 tokens today" in page
        assert '<progress max="50000" value="1234"' in page

    def test_the_months_too(self, session, alice, settings) -> None:
        settings.CHAT_MONTHLY_TOKENS = 60_000
        self.add(alice, 1234)

        page = text(session.get("/settings/"))

        assert "1,234 of 60,000 tokens this month" in page
        assert '<progress max="60000" value="1234"' in page

    def test_without_a_limit_there_is_none(self, session, alice) -> None:
        self.add(alice, 1234)

        page = text(session.get("/settings/"))

        assert "1,234 tokens today" in page
        assert "<progress" not in page

    def test_the_days_are_bars_and_rows(self, session, alice, bob) -> None:
        self.add(alice, 4321)
        self.add(alice, 99, back=3)
        self.add(bob, 7777)

        page = text(session.get("/settings/"))

        assert page.count('<rect class="prompt"') == 2
        assert page.count("<tr>") == 3
        assert "4,420 tokens of prompts" in page
        assert "7,777" not in page

    def test_in_chinese_numbers_are_still_numbers(self, session, alice) -> None:
        """Not written for people: a comma would break the drawing."""
        preferences.change(alice, language="zh-hans")
        self.add(alice, 4321, back=1)
        self.add(alice, 8642)

        page = text(session.get("/settings/"))

        for value in re.findall(r' (?:x|y|width|height)="([^"]*)"', page):
            float(value)

    def test_nothing_used_is_said(self, session) -> None:
        assert "Nothing was used" in text(session.get("/settings/"))
