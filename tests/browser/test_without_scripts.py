"""The page for those who have no JavaScript: history is readable, questions work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, expect

Contexts = Callable[..., BrowserContext]


def test_it_asks_and_reads_the_answer(
    new_context: Contexts, sessions: dict[str, Any]
) -> None:
    context = new_context(storage_state=sessions["alice"], java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.fill("#prompt", "pace=0.01 n=5 without scripts")
    page.click("#send")
    expect(page.locator(".user-text")).to_have_text("pace=0.01 n=5 without scripts")
    expect(page.locator(".assistant > .prose")).to_have_text("t0 t1 t2 t3 t4")
    expect(page.locator("#attach")).to_be_hidden()

    page.fill("#prompt", "n=2 pace=0 again")
    page.click("#send")
    expect(page.locator(".assistant > .prose").last).to_have_text("t0 t1")
    expect(page.locator(".user-text")).to_have_count(2)
    page.goto("/")
    page.locator("#conversations a", has_text="without scripts").click()
    expect(page.locator(".user-text")).to_have_count(2)


def test_an_example_begins_a_conversation(
    new_context: Contexts, sessions: dict[str, Any]
) -> None:
    for scripts in (True, False):
        context = new_context(
            storage_state=sessions["bob"], java_script_enabled=scripts
        )
        page = context.new_page()
        page.goto("/")
        page.get_by_role("button", name="Explain in three sentences").click()
        expect(page.locator(".user-text")).to_contain_text("how a rainbow forms")
        expect(page.locator(".assistant > .prose")).to_contain_text("t0")
