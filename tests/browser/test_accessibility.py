"""Accessibility as a machine can judge it (axe-core: WCAG 2.2 A and AA, and good
practice), on every page, in both themes and languages; and the keyboard sheet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .chat_page import ChatPage

AXE = Path("node_modules/axe-core/axe.min.js")
RUN = """async (rules) => {
    const wanted = {runOnly: rules, resultTypes: ["violations"]};
    const found = await axe.run(document, wanted);
    return found.violations.map(({id, nodes}) =>
        `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""
RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],
}
"""In the dark only colours differ."""
NOBODYS = ("/accounts/login/", "/accounts/password/reset/", "/accounts/inactive/")
OWN = (
    "/settings/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/totp/activate/",  # asks for the password first
    "/c/00000000-0000-4000-8000-000000000000/",  # not found
)


def faults(page: Page) -> list[str]:
    """What axe finds, in both themes. Evaluating its source is not subject to the
    page's policy."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    found = []
    for theme, rules in RULES.items():
        page.emulate_media(color_scheme=theme)
        found += [f"{theme} {fault}" for fault in page.evaluate(RUN, rules)]
    return found


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_axe_finds_nothing_on_any_page(
    new_context: Callable[..., BrowserContext], sessions: dict[str, Any], language: str
) -> None:
    context = new_context(storage_state=sessions["alice"], locale=language)
    chat = ChatPage(context.new_page())
    page = chat.page
    found = {}
    chat.open("/")
    found["empty"] = faults(page)
    page.keyboard.press("Control+/")
    found["shortcuts"] = faults(page)
    page.keyboard.press("Escape")
    for button in ("#conversation-settings", "#templates"):
        page.click(button)
        page.locator("dialog[open]").wait_for()
        found[button] = faults(page)
        page.keyboard.press("Escape")
    chat.ask("markdown pace=0.0005")
    found["answer"] = faults(page)
    chat.ask("think=3 n=3 pace=0")
    page.locator("#messages [aria-pressed]").last.click()
    page.locator("form.comment").wait_for()
    found["rated"] = faults(page)
    nobody = new_context(locale=language).new_page()
    theirs = [(nobody, path) for path in NOBODYS]
    for reader, path in [*((page, path) for path in OWN), *theirs]:
        reader.goto(path)
        found[path] = faults(reader)
    assert {name: what for name, what in found.items() if what} == {}


def test_the_sheet_tells_the_keys_and_they_work(open_chat: Any) -> None:
    chat: ChatPage = open_chat()
    page = chat.page
    chat.ask("n=1 pace=0 first")
    page.keyboard.press("Control+Shift+O")
    expect(page.locator("body.empty")).to_have_count(1)
    chat.ask("n=1 pace=0 second")
    listed = page.locator("#conversations [aria-current=page]")
    expect(listed).to_contain_text("second")
    page.keyboard.press("Control+/")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.locator("dt")).to_have_count(9)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)

    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#title")).to_contain_text("first")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#title")).to_contain_text("second")
    page.locator("#send").focus()
    page.keyboard.press("Shift+Escape")
    expect(chat.prompt).to_be_focused()
