"""What anybody may write does not run and loads nothing, wherever it is shown.

All payloads are brought in by one import, with and without the content security
policy: with it, nothing is reported; without it, what draws must hold alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .chat_page import WATCH, settles
from .conftest import PATIENCE, sign_in
from .payloads import HANDLERS, HOST, PAYLOADS, SCRIPTS
from .server import Server
from .test_sidebar import keep_undo

HOOK = """
window.hits = [];
window.hit = (...what) => window.hits.push(document.title + String(what));
window.alert = window.confirm = window.prompt = window.hit;
// What the test clicks itself is heard by listeners, but the page has to stay.
document.addEventListener("click", (event) => {
    if (!event.isTrusted) event.preventDefault();
});
"""
TOUCH = """() => {
    const names = ["click", "mouseover", "focus", "toggle", "animationstart", "error"];
    for (const node of document.querySelectorAll("main *")) {
        if (node.closest("button, form, dialog")) continue;
        for (const name of names) node.dispatchEvent(new Event(name));
    }
}"""
# Elements and attributes that no text of anybody may become. The page's own forms,
# icons and fields stand outside of what is written.
FOUND = """(selector) => {
    const wrong = [];
    const bad = "script, iframe, object, embed, base, meta, link, form, input, " +
        "style, template, noscript, img, image, video, audio, marquee, svg a";
    for (const root of document.querySelectorAll(selector)) {
        const own = (node) => node.closest(".katex") && !node.matches("script, img, a");
        for (const node of [root, ...root.querySelectorAll("*")]) {
            if (node.matches(bad) && !own(node)) wrong.push(node.outerHTML);
            for (const { name, value } of node.attributes) {
                const styled = name === "style" && !node.closest(".katex");
                if (name.startsWith("on") || name === "srcdoc" || styled)
                    wrong.push(`${name}=${value}`);
            }
        }
        // ":" is what a browser cannot make an address of, and does not follow.
        const good = ["http:", "https:", "mailto:", ":"];
        for (const { href, protocol } of root.querySelectorAll("a"))
            if (!good.includes(protocol)) wrong.push(href);
    }
    return wrong;
}"""
STREAM = """async (payloads) => {
    const { BlockRenderer } = await import("/static/chat/blocks.js");
    for (const payload of payloads) {
        const root = document.createElement("div");
        root.className = "prose streamed";
        document.getElementById("messages").append(root);
        const renderer = new BlockRenderer(root);
        for (let at = 0; at < payload.length; at += 5) {
            renderer.append(payload.slice(at, at + 5));
            renderer.frame.flush();
        }
        renderer.finish(payload);
    }
}"""
LISTED = """(count) => {
    document.getElementById("more-conversations").click();
    return document.querySelectorAll("#conversations li").length > count;
}"""
SETTLED = """async () => {
    await document.fonts.ready;
    await new Promise((resolve) => setTimeout(resolve, 400));
}"""
INDEXED = """async () => {
    const found = await fetch("/api/conversations?q=onerror");
    const { items } = await found.json();
    const places = items.flatMap((one) => one.snippets.map(({ message }) => message));
    return places.includes(null) && places.some(Boolean);
}"""
WRITTEN = ".prose, .user-text, #title, #conversations, .who, h1, .reasoning"


CONSENT = """() => {
    const offered = [...document.querySelectorAll(".image button")];
    for (const button of offered) button.click();
    for (const frame of document.querySelectorAll(".image iframe"))
        frame.loading = "eager";
    return offered.length;
}"""


class Watched:
    """A page that notices what ran, what was loaded and what the policy stopped."""

    def __init__(self, context: BrowserContext) -> None:
        self.abroad: list[str] = []
        self.page: Page = context.new_page()
        self.page.add_init_script(WATCH + HOOK)
        context.route("**/*", self._route)

    def _route(self, route: Any) -> None:
        url = urlsplit(route.request.url)
        if url.hostname == "127.0.0.1":
            route.continue_()
        else:
            kind = "image " if route.request.resource_type == "image" else ""
            self.abroad.append(kind + route.request.url)
            route.abort()

    def open(self, path: str, *, ready: bool = True) -> Page:
        self.page.goto(path)
        if ready:
            self.page.wait_for_selector("html[data-ready]")
        return self.page

    def check(self) -> None:
        self.page.evaluate(SETTLED)
        self.page.evaluate(TOUCH)
        self.page.evaluate(SETTLED)
        assert self.page.evaluate(FOUND, WRITTEN) == []
        assert self.page.evaluate("() => window.hits") == []
        assert self.abroad == []
        assert self.page.evaluate("() => window.violations") == []


@pytest.fixture(params=[False, True], ids=["policy", "no policy"])
def watched(
    new_context: Callable[..., BrowserContext],
    sessions: dict[str, Any],
    request: pytest.FixtureRequest,
) -> Callable[..., Watched]:
    def make(name: str | None = "alice", **options: Any) -> Watched:
        state = sessions[name] if name else None
        context = new_context(storage_state=state, bypass_csp=request.param, **options)
        return Watched(context)

    return make


def message(role: str, content: str, parent: str | None) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "parent": parent,
        "role": role,
        "content": content,
        "reasoning": content if role == "assistant" else "",
        "generation": {"model": content[:200], "status": "done"},
    }


def conversation(title: str, contents: list[str]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for content in contents:
        for role in ("user", "assistant"):
            above = messages[-1]["id"] if messages else None
            messages.append(message(role, content, above))
    leaf = messages[-1]["id"] if messages else None
    head = {"id": str(uuid4()), "title": title, "leaf": leaf, "source": "web"}
    mark = {"tags": [title], "pinned": bool(contents)}
    return head | mark | {"messages": messages}


@pytest.fixture(scope="package")
def written(browser: Any, sessions: dict[str, Any], _wire: Any) -> dict[str, str]:
    """All payloads as titles, tags, questions, answers, thoughts and models. The
    id of the conversation that has them, and its link."""
    context = browser.new_context(base_url=_wire.url, storage_state=sessions["alice"])
    context.set_default_timeout(PATIENCE)
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    headers = {
        "X-CSRFToken": cookies["csrftoken"],
        "Content-Type": "application/json",
        "Referer": _wire.url,
    }
    everything = [conversation(title, []) for title in PAYLOADS]
    talk = conversation(PAYLOADS[0], PAYLOADS)
    document = json.dumps({"conversations": [*everything, talk]})
    answer = context.request.post("/api/import", data=document, headers=headers)
    assert answer.json()["imported"] == len(PAYLOADS) + 1
    listed = context.request.get("/api/conversations?limit=1").json()["items"]
    [pk] = [item["id"] for item in listed]
    share = context.request.post(
        f"/api/conversations/{pk}/share", data='{"reasoning": true}', headers=headers
    )
    context.request.post(
        "/api/templates",
        data=json.dumps({"name": PAYLOADS[12], "text": PAYLOADS[0]}),
        headers=headers,
    )
    link = urlsplit(share.json()["url"]).path
    context.close()
    return {"id": pk, "link": link}


def test_there_are_enough() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


def test_in_a_conversation(
    watched: Callable[..., Watched], written: dict[str, str]
) -> None:
    """Titles in the list, questions, answers and thoughts, stored and streamed."""
    chat = watched()
    page = chat.open(f"/c/{written['id']}/")
    page.locator(".message").first.wait_for()
    while (shown := page.locator(".message").count()) < 2 * len(PAYLOADS):
        page.locator("#older").click()
        expect(page.locator(".message")).not_to_have_count(shown)
    page.wait_for_function(LISTED, arg=len(PAYLOADS))
    page.evaluate(
        "() => document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    page.evaluate(STREAM, PAYLOADS)
    chat.check()

    offered = page.evaluate(CONSENT)
    assert offered >= 2 * 6
    expect(page.locator(".image iframe")).to_have_count(offered)
    page.wait_for_function("() => window.frames.length >= 12")
    page.evaluate(SETTLED)
    assert {url.split("/x")[0] for url in chat.abroad} <= {f"image https://{HOST}"}
    assert page.evaluate("() => window.hits") == []
    assert page.evaluate("() => window.violations") == []


def test_behind_a_link(
    watched: Callable[..., Watched], written: dict[str, str]
) -> None:
    chat = watched(None)
    page = chat.open(written["link"])
    assert page.locator(".message").count() == 2 * len(PAYLOADS)
    assert page.locator(".image a").count() >= 2 * 6
    assert page.locator(".image button").count() == 0
    chat.check()


@pytest.mark.parametrize("kind", ["link", "conversation"])
def test_without_scripts(
    watched: Callable[..., Watched], written: dict[str, str], kind: str
) -> None:
    """What the server writes loads nothing and has no markup of anybody's."""
    name, path = (
        (None, written["link"])
        if kind == "link"
        else (
            "alice",
            f"/c/{written['id']}/",
        )
    )
    chat = watched(name, java_script_enabled=False)
    page = chat.open(path, ready=False)
    assert chat.abroad == []
    tags = "script:not([src]):not([type]), iframe, object, embed, base, svg a, marquee"
    assert page.locator(tags).count() == 0
    assert page.locator(f"[src*='{HOST}'], [href*='javascript']").count() == 0


def test_a_name_of_a_user(watched: Callable[..., Watched], server: Server) -> None:
    """In the page's own frame, and in the settings."""
    name = f"{PAYLOADS[15]}{uuid4().hex[:8]}</script><b>"
    path = server.log.parent / "chat.sqlite3"
    with sqlite3.connect(path, timeout=60) as database:
        columns = [
            row[1]
            for row in database.execute("PRAGMA table_info(auth_user)")
            if row[1] not in ("id", "username")
        ]
        names = ", ".join(f'"{column}"' for column in columns)
        database.execute(
            f"INSERT INTO auth_user (username, {names}) "
            f"SELECT ?, {names} FROM auth_user WHERE username = 'bob'",
            [name],
        )
    chat = watched(None)
    chat.page.goto("/accounts/login/?next=javascript:hit()")
    sign_in(chat.page, name, "bob-password")
    chat.page.wait_for_selector("html[data-ready]")
    chat.check()
    chat.open("/settings/", ready=False)
    chat.check()


def test_lists_menus_and_dialogs(
    watched: Callable[..., Watched], written: dict[str, str]
) -> None:
    chat = watched()
    page = chat.open(f"/c/{written['id']}/")
    page.locator("#templates").click()
    expect(page.locator("dialog")).to_contain_text("onerror")
    assert page.evaluate(FOUND, "dialog li") == []
    page.keyboard.press("Escape")
    page.locator("#conversation-menu").click()
    page.locator("#share-conversation").click()
    page.locator("dialog.share summary").click()
    expect(page.locator(".share-all li").first).to_be_visible()
    assert page.evaluate(FOUND, ".share-all") == []
    page.keyboard.press("Escape")

    look_through_the_list(page, written["id"])
    attach_files(page)
    assert page.evaluate("() => window.hits") == []
    assert page.evaluate("() => window.violations") == []
    assert chat.abroad == []


def look_through_the_list(page: Page, pk: str) -> None:
    """Menus, tags, what can be undone, and what a search marks."""
    keep_undo(page)
    row = page.locator("#conversations li", has=page.locator(f"[data-id='{pk}']"))
    row.hover()
    row.get_by_role("button").click()
    assert page.evaluate(FOUND, ".row-menu li") == []
    page.get_by_role("menuitem", name="Tags…").click()
    expect(page.locator(".tag-choice").first).to_contain_text("hit()")
    assert page.evaluate(FOUND, ".tag-choice span") == []
    page.keyboard.press("Escape")
    row.hover()
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(page.locator(".undo")).to_contain_text(PAYLOADS[0])
    assert page.evaluate(FOUND, ".undo, #status, #find-in") == []
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()

    settles(page, INDEXED)
    page.fill("#find", "onerror")
    expect(page.locator("#conversations .snippet mark").first).to_be_visible()
    expect(page.locator("#conversations .row-title mark").first).to_be_visible()
    assert page.evaluate(FOUND, "#conversations") == []


def attach_files(page: Page) -> None:
    """What a file is called, and what is said of one that cannot be taken."""
    files: list[Any] = [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": text}
        for name, text in ((HANDLERS[0], b"<script>hit()</script>"), (SCRIPTS[0], b""))
    ]
    page.locator("#attach-input").set_input_files(files)
    expect(page.locator("#attachments li")).to_contain_text("onerror")
    expect(page.locator("#notice, #prompt-hint").first).to_be_attached()
    assert page.evaluate(FOUND, "#attachments, #notice, #prompt-hint") == []
