"""What changes while the list of conversations is read, or before it is told of."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import APIResponse, BrowserContext, Route, expect

from .chat_page import ChatPage
from .test_sidebar import make, row

LISTING = re.compile(r"/api/conversations(\?|$)")
# A socket that opens when the test says so; what is sent before is not heard.
LATE_SOCKET = """window.WebSocket = class extends WebSocket {
    set onopen(heard) { super.onopen = (event) =>
        window.openSocket = () => (window.isOpen = true, heard(event)); }
    set onmessage(heard) { super.onmessage = (event) => window.isOpen && heard(event); }
};"""


def test_it_misses_none_from_before_its_connection_opens(
    their_context: Callable[..., BrowserContext],
) -> None:
    chat = ChatPage(their_context("dana").new_page())
    chat.page.add_init_script(LATE_SOCKET)
    with chat.page.expect_response(LISTING):
        chat.open()
    make(chat, "made while it opened")
    chat.page.wait_for_function("() => window.openSocket")
    expect(row(chat, "made while it opened")).to_have_count(0)
    chat.page.evaluate("() => window.openSocket()")
    expect(row(chat, "made while it opened")).to_be_visible()


def test_it_keeps_those_that_are_newer_than_a_list_that_comes_late(
    open_chat: Callable[..., ChatPage],
) -> None:
    chat = open_chat("dana")
    chat.wait_until_live()
    make(chat, "made before")
    expect(row(chat, "made before")).to_be_visible()
    late: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        late.append((route, route.fetch()))

    # What is archived, and all again.
    chat.page.route(LISTING, hold, times=2)
    chat.page.select_option("#find-in", "archived")
    chat.page.select_option("#find-in", "all")
    while len(late) < 2:
        chat.page.wait_for_timeout(20)
    make(chat, "made meanwhile")
    expect(row(chat, "made meanwhile")).to_be_visible()
    for route, response in late:
        route.fulfill(response=response)
    expect(row(chat, "made before")).to_be_visible()
    expect(row(chat, "made meanwhile")).to_be_visible()


def test_a_menu_outlives_its_row_which_is_drawn_again(
    open_chat: Callable[..., ChatPage],
) -> None:
    chat = open_chat("dana")
    chat.wait_until_live()
    make(chat, "drawn again")
    mark = row(chat, "drawn again").get_by_role("link").get_attribute("data-id")
    change = "({conversations}, [id, changes]) => conversations.change(id, changes)"
    for number, key in enumerate(("Escape", "Enter")):
        row(chat, "drawn again").get_by_role("link").focus()
        chat.page.keyboard.press("ArrowRight")
        item = chat.page.get_by_role("menuitem", name="Rename")
        expect(item).to_be_focused()
        tag = f"news {number}"
        chat.module("api", change, [mark, {"tags": [tag]}])
        expect(row(chat, "drawn again").get_by_text(tag)).to_be_visible()
        expect(item).to_be_focused()
        chat.page.keyboard.press(key)
        if key == "Escape":
            expect(row(chat, "drawn again").get_by_role("button")).to_be_focused()
    field = chat.page.locator("#conversations input")
    expect(field).to_be_focused()
    field.fill("named by hand")
    field.press("Enter")
    expect(row(chat, "named by hand")).to_be_visible()
