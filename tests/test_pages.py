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

from chat.models import Conversation, Generation
from chat.pages import first as first_page
from chat.pages.finders import PACKAGES, AllowListFinder
from chat.pages.strings import STRINGS, page_strings
from chat.templatetags import modules
from tests.api.helpers import answered
from tests.core.helpers import ask as asked
from tests.core.helpers import claim_one, ended, finish

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


class TestFirstPage:
    """What the page holds before its scripts run."""

    @pytest.fixture
    def generation(self, alice: User) -> Generation:
        return answered(alice, "**bold** <b>x</b>", prompt="<i>ask</i>")

    def test_it_shows_the_conversation(
        self, client_of_alice: Client, generation: Generation
    ) -> None:
        html = client_of_alice.get(f"/c/{generation.conversation_id}/").content.decode()

        assert "&lt;i&gt;ask&lt;/i&gt;</div>" in html
        assert "<strong>bold</strong> &lt;b&gt;x&lt;/b&gt;" in html
        assert f'href="/c/{generation.conversation_id}/"' in html
        assert "chat-page empty" not in html
        assert "http-equiv" not in html

    def test_it_looks_again_while_an_answer_is_written(
        self, client_of_alice: Client, alice: User
    ) -> None:
        generation = asked(alice)
        html = client_of_alice.get(f"/c/{generation.conversation_id}/").content.decode()

        assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in html

    def test_it_leads_to_what_came_before(
        self, client_of_alice: Client, generation: Generation, monkeypatch
    ) -> None:
        monkeypatch.setattr(first_page, "MESSAGES", 1)
        path = f"/c/{generation.conversation_id}/"
        newest = client_of_alice.get(path).content.decode()
        found = re.search(r'href="(\?before=[^"]+)"', newest)

        assert found
        assert "ask&lt;/i&gt;</div>" not in newest
        assert (
            "ask&lt;/i&gt;</div>"
            in client_of_alice.get(path + found[1]).content.decode()
        )
        assert client_of_alice.get(path + "?before=nonsense").status_code == 200

    def test_its_form_asks_and_goes_on(
        self, client_of_alice: Client, alice: User
    ) -> None:
        first = client_of_alice.post("/", {"prompt": "Hello"})
        generation = Generation.objects.get(user=alice)
        assert first["Location"] == f"/c/{generation.conversation_id}/"

        finish(held := claim_one(), ended(held, "all"))
        form = {"prompt": "More", "parent": str(generation.message_id)}
        client_of_alice.post(first["Location"], form)
        second = Generation.objects.exclude(pk=generation.pk).get()
        assert second.message.parent
        assert second.message.parent.content == "More"
        assert second.message.parent.parent_id == generation.message_id

    def test_its_form_says_what_is_wrong_and_keeps_the_text(
        self, client_of_alice: Client, settings
    ) -> None:
        settings.CHAT_MAX_PROMPT_CHARS = 5
        response = client_of_alice.post("/", {"prompt": "<too long>"})
        html = response.content.decode()

        assert response.status_code == 400
        assert "The prompt has 10 characters" in html
        assert "&lt;too long&gt;</textarea>" in html
        assert not Conversation.objects.exists()

    def test_its_form_is_not_for_other_sites_or_people(
        self, generation: Generation, bob: User, alice: User
    ) -> None:
        foreign = Client(enforce_csrf_checks=True)
        foreign.force_login(alice)
        assert foreign.post("/", {"prompt": "x"}).status_code == 403
        other = Client()
        other.force_login(bob)
        path = f"/c/{generation.conversation_id}/"
        assert other.post(path, {"prompt": "x"}).status_code == 404
        assert Client().post("/", {"prompt": "x"}).status_code == 302
        assert Generation.objects.count() == 1

    def test_it_is_sent_compressed(self, client_of_alice: Client) -> None:
        response = client_of_alice.get("/", headers={"Accept-Encoding": "gzip"})
        assert response["Content-Encoding"] == "gzip"


def test_it_can_be_installed(client: Client, db: None) -> None:
    response = client.get("/manifest.webmanifest", headers={"Accept-Language": "zh"})
    manifest = json.loads(response.content)

    assert response["Content-Type"] == "application/manifest+json"
    assert (manifest["start_url"], manifest["display"]) == ("/", "standalone")
    assert manifest["lang"] == "zh-hans"
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))
    html = client.get("/accounts/login/").content.decode()
    assert '<link rel="manifest" href="/manifest.webmanifest">' in html


def test_its_preloads_are_what_its_module_imports() -> None:
    needed = modules.imported_by("chat/page.js")

    assert {"chat/page.js", "chat/dom.js", "vendor/marked/marked.esm.js"} <= set(needed)
    assert not {name for name in needed if "settings/" in name or "katex" in name}
