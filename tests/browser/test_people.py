"""Everybody can use it: with a keyboard alone, on a phone, enlarged, right to left."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from .chat_page import LONG, ChatPage
from .test_page import PHONE

Chats = Callable[..., ChatPage]
OVERFLOW = """() => {
    const {scrollWidth, clientWidth} = document.documentElement;
    return scrollWidth - clientWidth;
}"""


def tab_to(chat: ChatPage, selector: str, key: str = "Tab") -> None:
    """Move the focus there, as a keyboard does: one stop after the other."""
    for _ in range(500):  # more than there are, however long the list has become
        if chat.page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
        chat.page.keyboard.press(key)
    raise AssertionError(f"{selector} cannot be reached")


def test_the_whole_flow_by_keyboard_alone(open_chat: Chats) -> None:
    chat = open_chat()
    keyboard = chat.page.keyboard
    tab_to(chat, "#prompt")
    keyboard.type("n=3 pace=0 by keyboard")
    keyboard.press("Enter")
    chat.wait_for_end()
    assert chat.text == "t0 t1 t2"

    tab_to(chat, ".assistant .again", "Shift+Tab")
    keyboard.press("Enter")
    expect(chat.page.locator(".siblings")).to_contain_text("2 of 2")
    chat.wait_for_end()
    tab_to(chat, ".siblings button:first-child", "Shift+Tab")
    keyboard.press("Enter")
    expect(chat.page.locator(".siblings")).to_contain_text("1 of 2")

    tab_to(chat, "#prompt")
    keyboard.type(f"{LONG} by keyboard")
    keyboard.press("Enter")
    chat.page.wait_for_selector("body.answering")
    chat.stop()
    assert chat.stored()[-1]["status"] == "stopped"
    tab_to(chat, "#new-chat", "Shift+Tab")
    keyboard.press("Enter")
    expect(chat.page.locator("body.empty")).to_have_count(1)


def tap_send(chat: ChatPage, prompt: str) -> None:
    """The browser makes a click of a tap, in its own time."""
    answers = chat.page.locator(".assistant")
    before = answers.count()
    chat.type(prompt)
    chat.page.tap("#send")
    expect(answers).to_have_count(before + 1)
    chat.wait_for_end()


def test_the_whole_flow_on_a_phone(open_chat: Chats) -> None:
    chat = open_chat(**PHONE)
    page = chat.page
    tap_send(chat, "n=3 pace=0 on a phone")
    assert page.evaluate(OVERFLOW) <= 0
    page.tap("#open-sidebar")
    page.tap("#new-chat")
    expect(page.locator("body.empty")).to_have_count(1)
    page.tap("#open-sidebar")
    page.locator("#sidebar a", has_text="on a phone").first.tap()
    expect(page.locator(".user-text")).to_have_text("n=3 pace=0 on a phone")
    expect(page.locator("body.drawer-open")).to_have_count(0)
    page.tap("#conversation-settings")
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_role("button", name="Save").tap()
    expect(page.locator("dialog")).to_have_count(0)
    tap_send(chat, "markdown pace=0.0005")
    assert page.evaluate(OVERFLOW) <= 0


def test_it_can_be_enlarged_to_twice_its_size(open_chat: Chats) -> None:
    """200 % on a screen of 1280 by 800 leaves 640 by 400 (WCAG 1.4.4, 1.4.10)."""
    chat = open_chat(viewport={"width": 640, "height": 400})
    chat.ask("markdown pace=0.0005")
    assert chat.page.evaluate(OVERFLOW) <= 0
    expect(chat.prompt).to_be_in_viewport()
    expect(chat.page.locator("#send")).to_be_in_viewport()
    chat.page.goto("/settings/")
    assert chat.page.evaluate(OVERFLOW) <= 0


def test_text_runs_in_its_own_direction(open_chat: Chats) -> None:
    chat = open_chat()
    chat.type("مرحبا بالعالم")
    direction = "(node) => getComputedStyle(node).direction"
    assert chat.prompt.evaluate(direction) == "rtl"
    chat.prompt.press("Enter")
    chat.wait_for_end()
    assert chat.page.locator(".user-text").evaluate(direction) == "rtl"
    assert chat.answer.locator("> .prose").evaluate(direction) == "ltr"
    expect(chat.page.locator("#title")).to_have_attribute("dir", "auto")
