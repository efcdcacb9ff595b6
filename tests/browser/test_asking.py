"""Ask, watch, stop, ask again."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from .chat_page import LONG, ChatPage, words


def test_it_shows_tokens_as_they_come(chat: ChatPage) -> None:
    chat.ask(LONG, wait=False)
    seen = [chat.text]
    for _ in range(6):
        chat.wait_for_more()
        seen.append(chat.text)
    expect(chat.page.locator("body.answering")).to_have_count(1)
    chat.stop()
    whole = words(4000)
    assert all(whole.startswith(text.strip()) for text in [*seen, chat.text]), seen
    assert len(chat.text) < len(whole)


def test_it_gives_a_new_conversation_its_address(chat: ChatPage) -> None:
    chat.ask("n=3 hello")
    expect(chat.page).to_have_url(re.compile("/c/"))
    current = chat.page.locator("#conversations [aria-current=page]")
    expect(current).to_have_text("n=3 hello")
    expect(chat.page).to_have_title("n=3 hello · Chatsite")
    chat.ask("n=4 more")
    assert [m["role"] for m in chat.stored()] == ["user", "assistant"] * 2


def test_it_shows_thoughts_apart(chat: ChatPage) -> None:
    chat.ask("think hang=8", wait=False)
    thoughts = chat.answer.locator("details")
    expect(thoughts).to_have_attribute("open", "")
    chat.stop()
    chat.ask("think n=5 pace=0")
    expect(thoughts).not_to_have_attribute("open", "")
    assert chat.text == words(5)
    thoughts.locator("summary").click()
    expect(thoughts.locator(".prose")).to_contain_text("r0")


def test_it_waits_visibly_for_the_first_token(chat: ChatPage) -> None:
    chat.ask("hang=0", wait=False)
    expect(chat.answer.locator(".typing")).to_be_visible()
    expect(chat.answer).to_have_attribute("aria-busy", "true")
    chat.page.click("#send")
    chat.wait_for_end()
    expect(chat.answer.locator(".typing")).to_be_hidden()
    expect(chat.answer).not_to_have_attribute("aria-busy", "true")


def test_it_stops_and_keeps_what_was_written(chat: ChatPage) -> None:
    chat.ask(LONG, wait=False)
    chat.wait_for_text("t5")
    chat.page.get_by_role("button", name="Stop").click()
    chat.wait_for_end()
    expect(chat.answer.locator(".note p")).to_have_text("You stopped this answer.")
    answer = chat.stored()[-1]
    assert answer["status"] == "stopped"
    assert chat.text.strip() == answer["content"].strip()
    assert "t5" in chat.text
    assert "t3999" not in chat.text


def test_escape_stops(chat: ChatPage) -> None:
    chat.ask(LONG, wait=False)
    chat.wait_for_text("t2")
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()
    assert chat.stored()[-1]["status"] == "stopped"


def test_stopping_can_be_tried_again(chat: ChatPage) -> None:
    chat.page.route("**/stop", lambda route: route.abort(), times=1)
    chat.ask(LONG, wait=False)
    chat.wait_for_text("t2")
    chat.page.click("#send")
    notice = chat.page.locator("#notice")
    expect(notice).to_contain_text("The site cannot be reached.")
    chat.wait_for_more()
    notice.get_by_role("button", name="Try again").click()
    chat.wait_for_end()
    expect(notice).to_be_empty()
    assert chat.stored()[-1]["status"] == "stopped"


def test_enter_never_stops(chat: ChatPage) -> None:
    chat.ask(LONG, wait=False)
    chat.type("the next question")
    chat.prompt.press("Enter")
    # Where a stop is on its way, the button is disabled at once.
    expect(chat.page.get_by_role("button", name="Stop")).to_be_enabled()
    expect(chat.prompt).to_have_value("the next question")
    chat.wait_for_more()
    chat.stop()
    assert [message["status"] for message in chat.stored()] == ["done", "stopped"]


def test_it_answers_again_and_keeps_both(chat: ChatPage) -> None:
    chat.ask("n=3")
    first = chat.stored()[-1]["id"]
    chat.answer.get_by_role("button", name="Answer again").click()
    chat.wait_for_end()
    expect(chat.answer.locator(".siblings")).to_contain_text("2 of 2")
    assert chat.stored()[-1]["id"] != first
    chat.answer.get_by_role("button", name="Previous version").click()
    expect(chat.answer.locator(".siblings")).to_contain_text("1 of 2")
    assert chat.stored()[-1]["id"] == first


def test_it_asks_differently(chat: ChatPage) -> None:
    chat.ask("n=3")
    question = chat.page.locator(".user").last
    question.hover()
    question.get_by_role("button", name="Edit").click()
    field = question.get_by_label("Your question")
    field.fill("n=6")
    field.press("Enter")
    chat.wait_for_end()
    assert chat.text == words(6)
    expect(chat.page.locator(".user")).to_have_count(1)
    expect(chat.page.locator(".user .siblings")).to_contain_text("2 of 2")
    assert [m["content"] for m in chat.stored()] == ["n=6", words(6)]


def test_it_explains_a_failure_and_tries_again(chat: ChatPage) -> None:
    chat.ask("n=8 fail=4")
    notice = chat.answer.locator(".notice")
    expect(notice).to_contain_text("The model stopped in the middle of its answer.")
    expect(notice).to_contain_text("What was written is kept.")
    assert chat.text.strip() == words(4)
    notice.get_by_role("button", name="Try again").click()
    chat.wait_for_end()
    expect(chat.page.locator(".assistant")).to_have_count(1)


def test_it_gives_a_refused_question_back(chat: ChatPage) -> None:
    url = "**/api/chat/stream"
    body = '{"error":{"code":"queue_full","message":"Too many answers are waiting."}}'
    headers = {"Retry-After": "5"}
    chat.page.route(
        url, lambda r: r.fulfill(status=503, body=body, headers=headers), times=1
    )
    chat.type("n=4")
    chat.prompt.press("Enter")
    notice = chat.page.locator("#notice")
    expect(notice).to_contain_text("Too many answers are waiting.")
    expect(notice).to_contain_text("Try again in 5 seconds.")
    expect(chat.prompt).to_have_value("n=4")
    expect(chat.page.locator(".message")).to_have_count(0)
    notice.get_by_role("button", name="Try again").click()
    chat.wait_for_end()
    assert chat.text == words(4)
    expect(chat.prompt).to_have_value("")


def test_it_says_that_somebody_is_signed_out(chat: ChatPage) -> None:
    chat.page.context.clear_cookies()
    chat.type("n=4")
    chat.prompt.press("Enter")
    notice = chat.page.locator("#notice")
    expect(notice).to_contain_text("You are signed out.")
    expect(notice.get_by_role("link", name="Sign in again")).to_be_visible()
    expect(chat.prompt).to_have_value("n=4")


def test_it_sends_nothing_empty_and_nothing_too_long(chat: ChatPage) -> None:
    send = chat.page.locator("#send")
    chat.type("  \n ")
    expect(send).to_be_disabled()
    chat.type("字" * 501)
    expect(send).to_be_disabled()
    expect(chat.page.locator("#prompt-hint")).to_contain_text("1 characters too long")
    chat.prompt.press("Enter")
    expect(chat.page.locator(".message")).to_have_count(0)
    # Counted as the server does: a family emoji is one or more code points, not units.
    chat.type("😀" * 500)
    expect(send).to_be_enabled()


def test_shift_enter_begins_a_line(chat: ChatPage) -> None:
    chat.type("n=2")
    chat.prompt.press("Shift+Enter")
    chat.prompt.press_sequentially("two lines")
    expect(chat.prompt).to_have_value("n=2\ntwo lines")
    chat.prompt.press("Enter")
    chat.wait_for_end()
    assert chat.stored()[0]["content"] == "n=2\ntwo lines"


def test_an_input_method_keeps_its_enter(chat: ChatPage) -> None:
    """Enter that accepts a composition must not send half a sentence."""
    chat.prompt.focus()
    session = chat.page.context.new_cdp_session(chat.page)
    session.send(
        "Input.imeSetComposition",
        {"text": "nihao", "selectionStart": 5, "selectionEnd": 5},
    )
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    session.send("Input.insertText", {"text": "你好"})
    expect(chat.prompt).to_have_value("你好")
    expect(chat.page.locator(".message")).to_have_count(0)
    # Safari ends the composition first; only the key code tells.
    chat.page.evaluate("""() => document.getElementById("prompt").dispatchEvent(
        new KeyboardEvent("keydown", {key: "Enter", keyCode: 229, bubbles: true}))""")
    expect(chat.page.locator(".message")).to_have_count(0)


def test_two_people_do_not_see_each_other(open_chat: Callable[..., ChatPage]) -> None:
    alice = open_chat("alice")
    alice.ask("n=3 private")
    bob = open_chat("bob")
    expect(bob.page.locator("#conversations")).not_to_contain_text("private")
    response = bob.page.request.get(f"/c/{alice.conversation}/")
    assert response.status == 404
