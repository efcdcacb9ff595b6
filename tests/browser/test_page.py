"""The frame around the answers: signing in, languages, the list, small screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from .chat_page import ChatPage, words
from .conftest import sign_in

Contexts = Callable[..., BrowserContext]
Chats = Callable[..., ChatPage]
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}

# Messages are not read before the test says so.
HOLD = """
const ask = window.fetch;
const released = new Promise((resolve) => (window.release = resolve));
window.fetch = async (url, options) => {
    if (String(url).includes("/messages")) await released;
    return ask(url, options);
};
"""


def test_signing_in_and_out(new_context: Contexts) -> None:
    page = new_context().new_page()
    page.goto("/")
    expect(page).to_have_url("/accounts/login/?next=/")
    sign_in(page, "alice", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    sign_in(page, "alice")
    expect(page).to_have_url("/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url("/accounts/login/")


def test_it_speaks_chinese(new_context: Contexts, open_chat: Chats) -> None:
    page = new_context(locale="zh-CN").new_page()
    page.goto("/accounts/login/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    chat = open_chat(locale="zh-CN")
    expect(chat.prompt).to_have_attribute("placeholder", "输入消息")
    chat.ask("zh fail=4")
    expect(chat.answer.locator(".notice")).to_contain_text("模型在回答途中停下了。")


def test_the_language_can_be_chosen(chat: ChatPage) -> None:
    chat.page.get_by_role("button", name="简体中文").click()
    expect(chat.page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(chat.page.locator("#new-chat")).to_contain_text("新对话")
    # The account remembers it, for the tests after this one too.
    chat.page.get_by_role("button", name="English").click()
    expect(chat.page.locator("html")).to_have_attribute("lang", "en")


def test_there_is_a_page_for_what_is_not_there(chat: ChatPage) -> None:
    chat.page.goto("/c/00000000-0000-0000-0000-000000000000/")
    expect(chat.page.get_by_role("heading")).to_have_text("Not found")
    chat.page.get_by_role("link", name="Back to the chat").click()
    expect(chat.page).to_have_url("/")
    chat.page.wait_for_selector("html[data-ready]")


def test_earlier_messages_come_when_asked_for(open_chat: Chats) -> None:
    chat = open_chat("bob")
    post = """async (count) => {
        const {call} = await import("/static/chat/api.js");
        let conversation;
        for (let i = 0; i < count; i++) {
            const body = {prompt: `pace=0 n=1 question ${i}`, conversation};
            conversation = (await call("POST", "/api/chat", body)).conversation;
        }
        return conversation;
    }"""
    chat.open(f"/c/{chat.page.evaluate(post, 27)}/")
    expect(chat.page.locator("#title")).to_contain_text("question 0")
    expect(chat.page.locator(".message")).to_have_count(50)
    expect(chat.page.locator(".user-text").first).to_have_text("pace=0 n=1 question 2")
    chat.answer.get_by_role("button", name="Answer again").wait_for()
    older = chat.page.get_by_role("button", name="Show earlier messages")
    older.click()
    expect(chat.page.locator(".message")).to_have_count(54)
    expect(chat.page.get_by_text("question 2", exact=False).first).to_be_in_viewport()

    chat.page.add_init_script(HOLD)
    chat.open(chat.page.url)
    older.click()
    older.click()
    # Only now the page reads what the server has put there.
    chat.page.evaluate("() => window.release()")
    expect(chat.page.locator(".message")).to_have_count(54)


def test_what_is_done_while_it_is_read_is_kept(chat: ChatPage) -> None:
    chat.ask("n=1 pace=0")
    chat.page.add_init_script(HOLD)
    chat.open(chat.page.url)
    chat.type("n=2 pace=0")
    chat.prompt.press("Enter")
    chat.page.focus("#find")
    chat.page.evaluate("() => window.release()")
    expect(chat.page.locator(".assistant")).to_have_count(2)
    chat.wait_for_end()
    assert chat.text == words(2)
    assert len(chat.stored()) == 4
    expect(chat.page.locator("#find")).to_be_focused()


def test_an_old_conversation_has_its_title(open_chat: Chats) -> None:
    """Also where the list of conversations does not reach it."""
    chat = open_chat("alice")
    chat.ask("n=1 the title")
    chat.page.route(
        "**/api/conversations", lambda r: r.fulfill(json={"items": [], "next": None})
    )
    chat.page.reload()
    expect(chat.page.locator("#title")).to_have_text("n=1 the title")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_shows_everything(open_chat: Chats, locale: str) -> None:
    chat = open_chat(locale=locale, **PHONE)
    wide = "() => document.documentElement.scrollWidth > innerWidth"
    assert not chat.page.evaluate(wide)
    chat.ask("markdown pace=0.001")
    assert not chat.page.evaluate(wide)
    assert not chat.page.evaluate(
        "() => { const s = document.getElementById('scroller');"
        " return s.scrollWidth > s.clientWidth; }"
    )
    side = chat.page.locator("#sidebar")
    expect(side).not_to_be_in_viewport()
    chat.page.click("#open-sidebar")
    expect(side).to_be_in_viewport()
    assert not chat.page.evaluate(wide)
    chat.page.keyboard.press("Escape")
    expect(side).not_to_be_in_viewport()
    expect(chat.page.locator("#open-sidebar")).to_be_focused()


# More text came than stood there when this was asked last.
GROWN = """() => {
    const { scrollHeight } = document.getElementById("scroller");
    const grown = scrollHeight > window.before;
    window.before = scrollHeight;
    return grown;
}"""
AT_THE_END = """() => {
    const s = document.getElementById("scroller");
    return s.scrollHeight - s.scrollTop - s.clientHeight < 5;
}"""
TOP = "() => document.getElementById('scroller').scrollTop"


def test_it_stays_at_the_end_until_the_reader_looks_up(chat: ChatPage) -> None:
    page = chat.page
    chat.ask("pace=0 n=900")
    chat.ask("pace=0.01 n=4000", wait=False)

    def grow() -> None:
        page.evaluate(GROWN)
        page.wait_for_function(GROWN)

    grow()
    page.wait_for_function(AT_THE_END)
    page.evaluate("() => document.getElementById('scroller').scrollBy(0, -400)")
    button = page.get_by_role("button", name="New text")
    expect(button).to_be_visible()
    top = page.evaluate(TOP)
    grow()
    assert top == page.evaluate(TOP)
    button.click()
    expect(button).to_be_hidden()
    grow()
    page.wait_for_function(AT_THE_END)
    page.keyboard.press("Escape")
    chat.wait_for_end()


def test_what_the_reader_unfolds_is_no_new_text(chat: ChatPage) -> None:
    chat.ask("markdown think pace=0.0005")
    chat.page.locator("#scroller").hover()
    chat.page.mouse.wheel(0, -5000)
    summary = chat.page.locator("details.reasoning summary")
    summary.click()
    summary.click()
    for _ in range(3):
        chat.page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(chat.page.locator("#new-text")).to_be_hidden()


def test_a_screen_reader_hears_the_ends_not_the_tokens(chat: ChatPage) -> None:
    status = chat.page.get_by_role("status")
    chat.ask("pace=0 hang=20", wait=False)
    chat.wait_for_text("t19")
    expect(status).to_have_text("The answer is being written.")
    assert chat.page.locator("[aria-live], [role=log], [role=alert]").count() == 0
    chat.page.keyboard.press("Escape")
    expect(status).to_have_text("You stopped this answer.")
    chat.ask("pace=0 n=2")
    expect(status).to_have_text("The answer is complete.")


def test_everything_has_a_name(chat: ChatPage) -> None:
    chat.ask("markdown pace=0.001")
    nameless = chat.page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, textarea, select")]
            .filter((node) => node.type !== "hidden")
            .filter((node) => !(node.ariaLabel || node.textContent.trim()
                || node.labels?.length || node.placeholder))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []


def test_the_first_link_leads_to_the_field(chat: ChatPage) -> None:
    link = chat.page.locator("a, button, input, textarea").first
    link.focus()
    expect(link).to_be_in_viewport()
    link.press("Enter")
    expect(chat.prompt).to_be_focused()
