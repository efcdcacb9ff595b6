"""An answer that was broken off goes on, and tells what it took."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Route, expect

from .chat_page import LONG, ChatPage, words


def go_on(chat: ChatPage) -> None:
    chat.answer.get_by_role("button", name="Continue").click()


def test_a_stopped_answer_goes_on_from_its_text(chat: ChatPage) -> None:
    chat.ask("n=60 hang=30 pace=0.01", wait=False)
    chat.wait_for_text("t29")
    chat.stop()
    kept = chat.text.strip()
    assert kept == words(30)
    go_on(chat)
    assert chat.text.startswith(kept), "the text stays while it goes on"
    chat.wait_for_end()
    assert chat.text == words(60) == chat.stored()[-1]["content"]
    expect(chat.answer.locator(".note")).to_be_hidden()
    expect(chat.page.locator(".assistant")).to_have_count(1)
    expect(chat.answer.locator(".siblings")).to_contain_text("2 of 2")
    chat.answer.get_by_role("button", name="Previous version").click()
    expect(chat.answer.locator(".note p")).to_have_text("You stopped this answer.")
    assert chat.text.strip() == kept


def test_a_failed_answer_goes_on(chat: ChatPage) -> None:
    chat.ask("n=8 fail=4")
    go_on(chat)
    chat.wait_for_end()
    assert chat.text == words(8)
    chat.page.reload()
    expect(chat.answer.locator(".siblings")).to_contain_text("2 of 2")
    assert chat.text == words(8)


def test_one_that_reached_its_length_goes_on(chat: ChatPage) -> None:
    shorten: Any = lambda route: route.continue_(  # noqa: E731
        post_data=json.dumps(
            {**route.request.post_data_json, "params": {"max_tokens": 3}}
        )
    )
    chat.page.route("**/api/chat/stream", shorten, times=1)
    chat.ask("n=8")
    note = chat.answer.locator(".note p")
    expect(note).to_contain_text("reached its length limit")
    go_on(chat)
    chat.wait_for_end()
    assert chat.text == words(8)


def test_a_complete_answer_does_not_offer_it(chat: ChatPage) -> None:
    chat.ask("n=3")
    expect(chat.answer.get_by_role("button", name="Continue")).to_have_count(0)
    chat.ask("fail=0")
    expect(chat.answer.locator(".notice")).to_be_visible()
    expect(chat.answer.get_by_role("button", name="Continue")).to_have_count(0)


def test_what_is_refused_leaves_the_answer_as_it_was(chat: ChatPage) -> None:
    chat.ask("n=8 fail=4")
    error = {"code": "model_cannot_continue", "message": "This model cannot."}

    def refuse(route: Route) -> None:
        route.fulfill(status=400, json={"error": error})

    chat.page.route("**/continue", refuse, times=1)
    go_on(chat)
    expect(chat.page.locator("#notice")).to_contain_text("This model cannot.")
    assert chat.text.strip() == words(4)
    go_on(chat)
    chat.wait_for_end()
    assert chat.text == words(8)


def test_it_tells_what_an_answer_took(chat: ChatPage) -> None:
    chat.ask("n=12 pace=0.02")
    button = chat.answer.get_by_role("button", name="Details")
    panel = chat.answer.locator(".figures")
    expect(panel).to_be_hidden()
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    for part in ("First token after", "tokens per second", "12 tokens", "scripted"):
        expect(panel).to_contain_text(part)
    chat.page.reload()
    chat.answer.get_by_role("button", name="Details").click()
    expect(panel).to_contain_text("12 tokens")
    chat.answer.get_by_role("button", name="Details").click()
    expect(panel).to_be_hidden()


def test_it_tells_it_of_one_that_is_being_written(chat: ChatPage) -> None:
    chat.ask(LONG, wait=False)
    chat.wait_for_text("t3")
    chat.answer.get_by_role("button", name="Details").click()
    panel = chat.answer.locator(".figures")
    expect(panel).to_contain_text("tokens per second")
    chat.stop()
    expect(panel).to_contain_text("Altogether")


def test_a_failed_one_tells_it_too(chat: ChatPage) -> None:
    chat.ask("n=8 fail=4")
    chat.answer.get_by_role("button", name="Details").click()
    expect(chat.answer.locator(".figures")).to_contain_text("4 tokens")
