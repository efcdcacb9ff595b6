"""Sharing a conversation by a link, and taking it along as a file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from .chat_page import WATCH, ChatPage
from .test_accessibility import faults

ANSWER = """# A heading

Some **bold** words, `code` and $x^2$.

```python
print("hello")
```
"""


def say(text: str, how: str = "") -> str:
    encoded = base64.urlsafe_b64encode(text.encode()).decode()
    return f"{how} pace=0.001 say={encoded}".strip()


def open_dialog(chat: ChatPage) -> Locator:
    chat.page.get_by_role("button", name="Share and export").click()
    chat.page.get_by_role("button", name="Share…").click()
    dialog = chat.page.get_by_role("dialog")
    expect(
        dialog.get_by_role("button", name="Create a link").or_(
            dialog.get_by_label("Link", exact=True)
        )
    ).to_be_visible()
    return dialog


def create(chat: ChatPage, *, thoughts: bool = False) -> str:
    dialog = open_dialog(chat)
    dialog.get_by_label("with the model’s thoughts").set_checked(thoughts)
    dialog.get_by_role("button", name="Create a link").click()
    url = dialog.get_by_label("Link", exact=True).input_value()
    dialog.get_by_role("button", name="Close").click()
    return url


@pytest.fixture
def stranger(new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Somebody without an account, who was given a link."""

    def read(url: str, **options: Any) -> Page:
        page = new_context(**options).new_page()
        page.add_init_script(WATCH)
        page.goto(url)
        return page

    return read


def test_a_stranger_reads_what_was_shared(
    chat: ChatPage, stranger: Callable[..., Page]
) -> None:
    chat.ask(say(ANSWER))
    page = stranger(create(chat))
    page.wait_for_selector("html[data-ready]")

    prose = page.locator(".assistant .prose")
    expect(prose.locator("h1")).to_have_text("A heading")
    expect(prose.locator("strong")).to_have_text("bold")
    expect(prose.locator(".katex")).to_have_count(1)
    expect(prose.locator(".hljs-built_in")).to_have_text("print")
    expect(page.locator(".user-text")).to_contain_text("say=")
    assert page.evaluate("() => window.violations") == []
    assert page.context.cookies() == []
    assert "alice" not in page.content()


def test_without_scripts_it_can_be_read(
    chat: ChatPage, stranger: Callable[..., Page]
) -> None:
    chat.ask(say(ANSWER))
    page = stranger(create(chat), java_script_enabled=False, locale="zh-CN")

    text = page.locator(".assistant .prose").inner_text()
    assert text.strip() == ANSWER.strip()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")


def test_the_copy_is_frozen_until_it_is_brought_up_to_date(
    chat: ChatPage, stranger: Callable[..., Page]
) -> None:
    chat.ask(say("First answer"))
    url = create(chat)
    chat.ask(say("Second answer"))

    page = stranger(url)
    expect(page.get_by_text("First answer")).to_be_visible()
    expect(page.get_by_text("Second answer")).to_have_count(0)

    dialog = open_dialog(chat)
    expect(dialog.get_by_label("Link", exact=True)).to_have_value(url)
    expect(dialog.get_by_text("2 messages")).to_be_visible()
    dialog.get_by_role("button", name="Update the copy").click()
    expect(dialog.get_by_text("4 messages")).to_be_visible()
    expect(dialog.get_by_role("status")).to_have_text("The link shows a new copy.")

    page.reload()
    expect(page.get_by_text("Second answer")).to_be_visible()


def test_axe_finds_nothing_on_a_shared_page(
    chat: ChatPage, stranger: Callable[..., Page]
) -> None:
    chat.ask(say(ANSWER, "think"))
    url = create(chat, thoughts=True)

    for language in ("en-US", "zh-CN"):
        page = stranger(url, locale=language)
        page.wait_for_selector("html[data-ready]")
        assert faults(page) == [], language


def test_thoughts_are_shared_only_when_wanted(
    chat: ChatPage, stranger: Callable[..., Page]
) -> None:
    chat.ask("think pace=0 n=3")
    page = stranger(create(chat))
    expect(page.locator("details")).to_have_count(0)

    dialog = open_dialog(chat)
    dialog.get_by_label("with the model’s thoughts").check()
    dialog.get_by_role("button", name="Update the copy").click()
    expect(dialog.get_by_role("status")).to_have_text("The link shows a new copy.")

    page.reload()
    expect(page.locator("details summary")).to_have_text("Thoughts")


def test_a_revoked_link_leads_nowhere(
    chat: ChatPage, stranger: Callable[..., Page]
) -> None:
    chat.ask(say("Soon gone"))
    url = create(chat)
    dialog = open_dialog(chat)
    dialog.get_by_text("All your links").click()
    row = dialog.locator(".share-all li", has=chat.page.locator(f'a[href="{url}"]'))
    row.get_by_role("button", name="Revoke the link of").click()
    question = chat.page.get_by_role("dialog", name="Revoke")
    question.get_by_role("button", name="Revoke").click()

    expect(dialog.get_by_role("button", name="Create a link")).to_be_visible()
    expect(row).to_have_count(0)
    page = stranger(url)
    expect(page.get_by_role("heading")).to_have_text("Not found")


def test_the_link_is_copied(open_chat: Callable[..., ChatPage]) -> None:
    chat = open_chat(permissions=["clipboard-read", "clipboard-write"])
    chat.ask(say("Copied"))
    url = create(chat)
    dialog = open_dialog(chat)
    dialog.locator(".share-link").get_by_role("button", name="Copy").click()

    expect(dialog.get_by_role("status")).to_have_text("Copied.")
    assert chat.page.evaluate("() => navigator.clipboard.readText()") == url


def test_the_keyboard_is_enough_on_a_phone_too(
    open_chat: Callable[..., ChatPage],
) -> None:
    chat = open_chat(viewport={"width": 390, "height": 700})
    chat.ask("pace=0 hang=3", wait=False)
    chat.wait_for_text("t2")
    opener = chat.page.get_by_role("button", name="Share and export")
    opener.focus()
    opener.press("Enter")
    share = chat.page.get_by_role("button", name="Share…")
    expect(share).to_be_visible()
    share.press("Escape")

    expect(share).to_be_hidden()
    expect(opener).to_be_focused()
    expect(chat.page.locator("body.answering")).to_have_count(1)
    opener.press("Enter")
    share.press("Enter")
    dialog = chat.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create a link").press("Enter")
    expect(dialog.get_by_label("Link", exact=True)).to_be_visible()
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    dialog.press("Escape")
    expect(dialog).to_have_count(0)
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()


def test_a_new_chat_has_nothing_to_share(chat: ChatPage) -> None:
    expect(chat.page.get_by_role("button", name="Share and export")).to_be_hidden()


@pytest.mark.parametrize("kind", ["Markdown", "JSON"])
def test_it_is_taken_along(chat: ChatPage, kind: str) -> None:
    chat.ask(say("Take me along"))
    chat.page.get_by_role("button", name="Share and export").click()
    with chat.page.expect_download() as started:
        chat.page.get_by_role("link", name=f"Export as {kind}").click()

    text = Path(started.value.path()).read_text()
    if kind == "JSON":
        [conversation] = json.loads(text)["conversations"]
        assert conversation["id"] == chat.conversation
        assert conversation["messages"][1]["content"] == "Take me along"
    else:
        assert text.endswith("\n\nTake me along\n")
