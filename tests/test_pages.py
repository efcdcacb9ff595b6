"""The pages as the server sends them."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone, translation

from chat.finders import PACKAGES, AllowListFinder
from chat.models import Conversation
from chat.page_strings import STRINGS, page_strings
from chat.templatetags import modules

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "static" / "chat"
STYLES = re.compile(r"<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)


@pytest.fixture
def client_of_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_it_asks_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/"


def test_it_shows_only_ones_own(client_of_alice: Client, bob: User) -> None:
    own = Conversation.objects.create(
        owner=User.objects.get(username="alice"), title="<mine>", updated=timezone.now()
    )
    other = Conversation.objects.create(owner=bob, updated=timezone.now())
    response = client_of_alice.get(f"/c/{own.pk}/")
    assert response.status_code == 200
    assert "&lt;mine&gt;" in response.content.decode()
    assert client_of_alice.get(f"/c/{other.pk}/").status_code == 404
    assert client_of_alice.get(f"/c/{uuid.uuid4()}/").status_code == 404


def test_its_one_script_with_a_nonce_is_the_import_map(client_of_alice: Client) -> None:
    response = client_of_alice.get("/")
    html = response.content.decode()
    found = re.search(r'<script type="importmap" nonce="([^"]+)">(.*?)</script>', html)
    assert found
    assert f"'nonce-{found[1]}'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    imports = json.loads(found[2])["imports"]
    assert set(imports) >= {"marked", "dompurify", "katex", "highlight.js"}
    assert response["Cache-Control"].startswith("max-age=0, no-cache")
    assert "csrftoken" in response.cookies


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/c/nothing/"])
def test_nothing_is_inline(client_of_alice: Client, path: str) -> None:
    html = client_of_alice.get(path).content.decode()
    assert not STYLES.search(html)
    for tag in re.findall(r"<script[^>]*>", html):
        assert "src=" in tag or 'type="importmap"' in tag or "application/json" in tag


def test_the_import_map_sends_own_modules_to_their_hashed_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Hashing:
        def url(self, name: str) -> str:
            return "/static/" + name.replace(".js", ".0123456789ab.js")

    monkeypatch.setattr(modules, "staticfiles_storage", Hashing())
    imports = modules.build_import_map()["imports"]
    assert imports["/static/chat/page.js"] == "/static/chat/page.0123456789ab.js"
    assert imports["marked"] == "/static/vendor/marked/marked.esm.0123456789ab.js"


def test_static_files_are_those_on_the_list() -> None:
    names = {path for path, storage in AllowListFinder().list([])}
    assert "katex.min.css" in names
    assert "marked.esm.js" in names
    assert not {"package.json", "katex.js", "marked.umd.js", "purify.cjs.js"} & names
    for prefix, (_folder, patterns) in PACKAGES.items():
        assert finders.find(f"{prefix}/README.md") is None
        for pattern in patterns:
            if "*" not in pattern:
                assert finders.find(f"{prefix}/{pattern}"), pattern


@pytest.mark.parametrize("name", ["403.html", "403_csrf.html", "404.html", "500.html"])
def test_error_pages_need_no_request(name: str) -> None:
    html = render_to_string(name)
    assert "Back to the chat" in html
    with translation.override("zh-hans"):
        assert "返回聊天" in render_to_string(name)


def test_all_words_of_the_page_are_translated() -> None:
    english = page_strings()
    with translation.override("zh-hans"):
        chinese = page_strings()
    same = {key for key, text in english.items() if chinese[key] == text}
    assert same == set()
    fields = re.compile(r"\{\w+\}")
    for key, text in english.items():
        assert sorted(fields.findall(text)) == sorted(fields.findall(chinese[key])), key


def test_the_scripts_use_words_that_exist() -> None:
    used: set[str] = set()
    for path in SCRIPTS.rglob("*.js"):
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'\bt\("(\w+)"', source))
        used |= set(re.findall(r'"((?:kept|end)[A-Z]\w+|error_\w+)"', source))
    assert used - set(STRINGS) == set()
