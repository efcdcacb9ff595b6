"""Language and theme of a user, on every page they see."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Preferences
from chat.people import preferences

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_of_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def page(client: Client, path: str = "/") -> str:
    return str(client.get(path).content.decode())


def told(client: Client) -> dict[str, Any]:
    found = re.search(r'<script id="page-data"[^>]*>(.*?)</script>', page(client))
    assert found
    return dict(json.loads(found[1])["preferences"])


class TestChatPage:
    def test_it_is_told_the_defaults(self, client_of_alice: Client) -> None:
        assert told(client_of_alice) == {
            "theme": "system",
            "typewriter": "smooth",
            "typewriterSpeed": 40,
            "remoteImages": False,
        }
        assert not Preferences.objects.exists()

    def test_it_is_told_what_alice_wants(self, client_of_alice, alice, bob) -> None:
        preferences.change(alice, theme="dark", typewriter="fixed", typewriter_speed=90)
        preferences.change(alice, remote_images=True)
        preferences.change(bob, theme="light")

        assert told(client_of_alice) == {
            "theme": "dark",
            "typewriter": "fixed",
            "typewriterSpeed": 90,
            "remoteImages": True,
        }


class TestTheme:
    @pytest.mark.parametrize(("name", "scheme"), [("dark", "dark"), ("light", "light")])
    def test_the_server_sends_it(self, client_of_alice, alice, name, scheme) -> None:
        preferences.change(alice, theme=name)

        html = page(client_of_alice)

        assert f'data-theme="{name}"' in html
        assert f'<meta name="color-scheme" content="{scheme}">' in html
        assert "prefers-color-scheme" not in html

    def test_a_cookie_carries_it_to_the_sign_in_page(
        self, client_of_alice, alice
    ) -> None:
        preferences.change(alice, theme="dark")
        client_of_alice.get("/")
        client_of_alice.post("/accounts/logout/")

        assert 'data-theme="dark"' in page(client_of_alice, "/accounts/login/")

    @pytest.mark.parametrize("cookie", ["", "bogus", '"><script>', "system"])
    def test_without_one_it_is_the_systems(self, cookie: str) -> None:
        client = Client()
        client.cookies["theme"] = cookie

        html = page(client, "/accounts/login/")

        assert 'data-theme="system"' in html
        assert 'content="light dark"' in html

    def test_the_administration_keeps_its_own(self, client_of_alice, alice) -> None:
        User.objects.update(is_staff=True)
        preferences.change(alice, theme="dark")
        client_of_alice.get("/")

        assert 'data-theme="dark"' not in page(client_of_alice, "/admin/")


class TestLanguage:
    def test_it_is_the_browsers_at_first(self, client_of_alice) -> None:
        html = client_of_alice.get("/", headers={"Accept-Language": "zh-CN"}).content
        assert b'lang="zh-hans"' in html

    def test_it_is_the_users_on_every_device(self, alice) -> None:
        preferences.change(alice, language="zh-hans")
        for _device in range(2):
            client = Client(headers={"Accept-Language": "en"})
            client.force_login(alice)
            assert 'lang="zh-hans"' in page(client)

    def test_the_cookie_follows_for_errors_and_signing_in(
        self, client_of_alice, alice
    ) -> None:
        preferences.change(alice, language="zh-hans")
        client_of_alice.get("/")

        error = client_of_alice.get("/api/bogus").json()["error"]
        assert error["message"] == "这个地址上没有内容。"

        preferences.change(alice, language="en")
        assert 'lang="en"' in page(client_of_alice)
        assert client_of_alice.cookies["django_language"].value == "en"
