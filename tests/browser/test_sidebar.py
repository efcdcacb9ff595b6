"""The list of conversations: find and organise them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .chat_page import ChatPage, settles
from .test_accessibility import faults

MAKE = """async ({call}, [titles, answers]) => {
    for (const title of titles) {
        const row = await call("POST", "/api/conversations", {title});
        for (const prompt of answers)
            await call("POST", "/api/chat", {conversation: row.id, prompt});
    }
}"""
GROUPS = """({groupOf}, dates) => {
    const now = new Date(2026, 2, 1, 0, 30);
    return dates.map((parts) =>
        groupOf({pinned: false, updated: new Date(...parts).toISOString()}, now));
}"""
LISTING = """({Listing}, steps) => {
    const row = (id, day, more) => ({id, tags: [], archived: false, pinned: false,
        updated: `2026-01-${day}T00:00:00Z`, ...more});
    const listing = new Listing();
    listing.append({items: [row("d", 24), row("c", 23)], next: "more"});
    const ids = () => listing.items.map(({id}) => id).join("");
    const seen = [ids()];
    const news = (action, ...of) => {
        listing.apply(action, row(...of));
        seen.push(ids());
    };
    news("updated", "c", 25);
    news("updated", "d", 20, {pinned: true});
    news("created", "e", 26);
    news("updated", "e", 26, {archived: true});
    news("updated", "a", 11);
    news("deleted", "d", 20);
    listing.append({items: [row("c", 25), row("b", 12)], next: null});
    seen.push(ids());
    news("updated", "a", 11);
    listing.refresh({items: [row("f", 27), row("c", 25)], next: "more"});
    seen.push(ids(), listing.next);
    return seen;
}"""

INDEXED = """async (query) => {
    const url = `/api/conversations?q=${encodeURIComponent(query)}`;
    return (await (await fetch(url)).json()).items.length > 0;
}"""


@pytest.fixture
def chat(open_chat: Callable[..., ChatPage]) -> ChatPage:
    return open_chat("dana")


def make(chat: ChatPage, *titles: str, answers: tuple[str, ...] = ()) -> None:
    chat.module("api", MAKE, [list(titles), list(answers)])


def row(chat: ChatPage, text: str) -> Locator:
    return chat.page.locator("#conversations li", has_text=text)


def choose(chat: ChatPage, text: str, name: str) -> None:
    """From the menu of that conversation."""
    row(chat, text).hover()
    row(chat, text).get_by_role("button").click()
    chat.page.get_by_role("menuitem", name=name).click()


def group(chat: ChatPage, name: str) -> Locator:
    return chat.page.get_by_role("region", name=name, exact=True)


def keep_undo(page: Page) -> None:
    """Until it is pressed: it goes by this clock."""
    page.evaluate("() => { const now = Date.now(); Date.now = () => now; }")


def undo(page: Page) -> None:
    page.get_by_role("button", name="Undo").click()


class TestLists:
    def test_groups_are_the_readers_own_days(self, library: ChatPage) -> None:
        dates = [
            [2026, 2, 1, 0, 10],
            [2026, 1, 28, 23, 50],
            [2026, 1, 22],
            [2026, 0, 31],
        ]
        dates += [[2026, 0, 29], [2025, 11, 24]]

        assert library.module("sidebar/groups", GROUPS, dates) == [
            "Today",
            "Yesterday",
            "Previous 7 days",
            "Previous 30 days",
            "January 2026",
            "December 2025",
        ]

    def test_news_find_their_place(self, library: ChatPage) -> None:
        assert library.module("sidebar/listing", LISTING, None) == [
            *("dc", "cd", "dc", "dec", "dc", "dc", "c", "cb", "cba", "fcba"),
            None,
        ]

    def test_the_server_sends_the_same_groups(self, chat: ChatPage) -> None:
        make(chat, "sent in groups")
        chat.page.reload()
        said = "() => document.querySelector('#conversations').innerText"
        shown = chat.page.evaluate(said)
        source = chat.page.request.get("/").text()

        for heading in shown.splitlines()[:1]:
            assert f"<h3>{heading}</h3>" in source

    def test_long_lists_come_as_they_are_scrolled(self, chat: ChatPage) -> None:
        make(chat, *(f"paged {number}" for number in range(35)))
        chat.page.reload()
        expect(row(chat, "paged 34")).to_be_visible()
        # Out of sight, but there is more: the first page is listed.
        expect(chat.page.locator("#more-conversations")).to_be_visible()
        assert row(chat, "paged").count() <= 30
        row(chat, "paged 34").hover()
        chat.page.mouse.wheel(0, 100_000)
        expect(row(chat, "paged 0")).to_be_attached()

    def test_nothing_asks_again_and_again(
        self, open_chat: Callable[..., ChatPage]
    ) -> None:
        chat = open_chat("dana", locale="en-GB")  # a clock is the whole context's
        clock = chat.page.clock
        clock.install()
        chat.page.reload()
        chat.page.wait_for_selector("html[data-ready]")
        chat.ask("n=1 pace=0")
        clock.pause_at(datetime.now() + timedelta(minutes=1))
        # Heard just now, the connection is not looked after.
        make(chat, "last heard")
        expect(row(chat, "last heard")).to_be_visible()
        asked: list[str] = []
        chat.page.on("request", lambda request: asked.append(request.url))
        clock.run_for(20_000)

        assert [url for url in asked if url.endswith("/api/conversations")] == []


class TestOrganising:
    def test_renaming_happens_in_place(self, chat: ChatPage) -> None:
        chat.ask("n=2 first name")
        choose(chat, "first name", "Rename")
        field = chat.page.get_by_label("Title")
        expect(field).to_be_focused()
        field.fill("not this")
        field.press("Escape")
        expect(row(chat, "first name").get_by_role("link")).to_be_focused()
        choose(chat, "first name", "Rename")
        field.fill("第二个名字")
        field.press("Enter")
        expect(row(chat, "第二个名字")).to_be_visible()
        expect(chat.page.locator("#title")).to_have_text("第二个名字")

    def test_a_title_that_comes_later_is_shown(self, chat: ChatPage) -> None:
        """The model's, or one given on another page."""
        chat.ask("n=1 before")
        chat.page.request.patch(
            f"/api/conversations/{chat.conversation}",
            data={"title": "named later"},
            headers={
                "X-CSRFToken": chat.page.evaluate(
                    "() => /csrftoken=([^;]+)/.exec(document.cookie)[1]"
                )
            },
        )
        expect(row(chat, "named later")).to_be_visible()
        expect(chat.page.locator("#title")).to_have_text("named later")

    def test_pinning_and_archiving(self, chat: ChatPage) -> None:
        make(chat, "to be pinned", "to be archived")
        keep_undo(chat.page)
        choose(chat, "to be pinned", "Pin")
        pinned = group(chat, "Pinned").get_by_text("to be pinned")
        expect(pinned).to_be_visible()
        choose(chat, "to be pinned", "Unpin")
        expect(pinned).to_have_count(0)
        choose(chat, "to be archived", "Archive")
        expect(row(chat, "to be archived")).to_have_count(0)
        undo(chat.page)
        expect(row(chat, "to be archived")).to_be_visible()
        choose(chat, "to be archived", "Archive")
        expect(row(chat, "to be archived")).to_have_count(0)
        chat.page.select_option("#find-in", "archived")
        choose(chat, "to be archived", "Take out of the archive")
        expect(row(chat, "to be archived")).to_have_count(0)
        chat.page.select_option("#find-in", "all")
        expect(row(chat, "to be archived")).to_be_visible()

    def test_deleting_can_be_undone(self, chat: ChatPage) -> None:
        chat.ask("n=2 pace=0 deleted in error")
        keep_undo(chat.page)
        address = chat.page.url
        choose(chat, "deleted in error", "Delete")
        expect(row(chat, "deleted in error")).to_have_count(0)
        expect(chat.page).to_have_url("/")
        expect(chat.page.locator(".message")).to_have_count(0)
        assert chat.page.request.get(address).status == 404
        undo(chat.page)
        expect(chat.page).to_have_url(address)
        expect(chat.page.locator(".message")).to_have_count(2)
        expect(row(chat, "deleted in error")).to_be_visible()

    def test_deleting_holds_when_the_page_is_closed(self, chat: ChatPage) -> None:
        make(chat, "deleted for good")
        choose(chat, "deleted for good", "Delete")
        expect(row(chat, "deleted for good")).to_have_count(0)
        chat.page.reload()
        expect(chat.page.locator("#conversations")).to_be_visible()
        expect(row(chat, "deleted for good")).to_have_count(0)

    def test_a_failure_is_said_and_changes_nothing(self, chat: ChatPage) -> None:
        make(chat, "stays there")
        chat.page.route("**/api/conversations/*", lambda route: route.abort(), times=1)
        choose(chat, "stays there", "Delete")
        expect(chat.page.locator("#sidebar-problem")).to_contain_text("be reached")
        expect(row(chat, "stays there")).to_be_visible()

    def test_tags_sort_and_filter(self, chat: ChatPage) -> None:
        make(chat, "about work", "about nothing")
        choose(chat, "about work", "Tags…")
        dialog = chat.page.get_by_role("dialog")
        dialog.get_by_label("New tag").fill("工作 <b>")
        dialog.get_by_role("button", name="Save").click()
        expect(row(chat, "about work")).to_contain_text("工作 <b>")
        chat.page.locator("#find-in").focus()
        chat.page.select_option("#find-in", "tag:工作 <b>")
        expect(chat.page.locator("#conversations li")).to_have_count(1)
        choose(chat, "about work", "Tags…")
        dialog.get_by_label("工作 <b>").uncheck()
        dialog.get_by_role("button", name="Save").click()
        expect(chat.page.locator("#no-conversations")).to_contain_text("has this tag")

    def test_the_keyboard_does_all_of_it(self, chat: ChatPage) -> None:
        make(chat, "second by keys", "first by keys")
        page, keys = chat.page, chat.page.keyboard
        row(chat, "first by keys").get_by_role("link").focus()
        keys.press("ArrowDown")
        expect(row(chat, "second by keys").get_by_role("link")).to_be_focused()
        keys.press("ArrowRight")
        expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
        keys.press("Escape")
        opener = row(chat, "second by keys").get_by_role("button")
        expect(opener).to_be_focused()
        keys.press("Enter")
        keys.press("ArrowUp")
        expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
        keys.press("Enter")
        expect(row(chat, "second by keys")).to_have_count(0)
        # The focus stays in the list.
        page.wait_for_function("() => document.activeElement.closest('li')")

    def test_a_finger_reaches_the_menu(self, open_chat: Any) -> None:
        size: dict[str, Any] = {"width": 390, "height": 844}
        chat = open_chat("dana", viewport=size, has_touch=True, is_mobile=True)
        make(chat, "touched")
        chat.page.tap("#open-sidebar")
        row(chat, "touched").get_by_role("button").tap()
        menu = chat.page.get_by_role("menu")
        box = menu.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= 390 - box["width"]
        chat.page.get_by_role("menuitem", name="Pin").tap()
        expect(group(chat, "Pinned").get_by_text("touched")).to_be_visible()
        choose(chat, "touched", "Unpin")


def test_axe_finds_nothing_in_any_of_it(open_chat: Any) -> None:
    chat = open_chat("dana")
    make(chat, "looked at", "thrown out", answers=("n=1 pace=0 looked for",))
    keep_undo(chat.page)
    found = {"list": faults(chat.page)}
    row(chat, "looked at").first.hover()
    row(chat, "looked at").first.get_by_role("button").click()
    found["menu"] = faults(chat.page)
    chat.page.get_by_role("menuitem", name="Tags…").click()
    expect(chat.page.get_by_role("dialog")).to_be_visible()
    found["tags"] = faults(chat.page)
    chat.page.keyboard.press("Escape")
    choose(chat, "thrown out", "Delete")
    expect(chat.page.get_by_role("button", name="Undo")).to_be_visible()
    settles(chat.page, INDEXED, "look")
    chat.page.fill("#find", "look")
    expect(chat.page.locator("#conversations mark").first).to_be_visible()
    found["undo and search"] = faults(chat.page)

    assert {name: faults for name, faults in found.items() if faults} == {}


class TestSearching:
    def find(self, chat: ChatPage, query: str) -> Locator:
        """What was just said is indexed soon."""
        settles(chat.page, INDEXED, query)
        chat.page.fill("#find", query)
        expect(chat.page.get_by_role("heading", name="Found")).to_be_visible()
        return chat.page.locator("#conversations li")

    def test_it_marks_what_it_finds_and_opens_it_there(self, chat: ChatPage) -> None:
        make(
            chat, "整理笔记", answers=("n=1 pace=0 zebra 斑马线", *["n=1 pace=0"] * 30)
        )
        chat.ask("n=1 no stripes here")
        found = self.find(chat, "斑马")
        expect(found).to_have_count(1)
        expect(found.locator("mark")).to_have_text(["斑马"])
        found.get_by_role("link").click()
        question = chat.page.locator(".user", has_text="斑马线")
        expect(question).to_be_in_viewport()
        chat.page.locator("#find").press("Escape")
        expect(group(chat, "Today")).to_be_visible()
        expect(chat.page.locator("#find")).to_have_value("")

    def test_it_says_that_nothing_is_found(self, chat: ChatPage) -> None:
        chat.page.fill("#find", "<img src=x> nowhere")
        nothing = chat.page.locator("#no-conversations")
        expect(nothing).to_have_text("Nothing was found for “<img src=x> nowhere”.")

    def test_markup_in_titles_and_texts_stays_text(self, chat: ChatPage) -> None:
        evil = "<img src=x onerror=alert(1)>"
        make(chat, f"evil title {evil}", answers=(f"n=1 pace=0 evil text {evil}",))
        found = self.find(chat, "onerror=alert")
        expect(found).to_contain_text(["evil title <img"])
        expect(found.locator("img")).to_have_count(0)

    def test_half_a_composition_is_not_searched_for(self, chat: ChatPage) -> None:
        asked: list[str] = []
        chat.page.on("request", lambda request: asked.append(request.url))
        chat.page.focus("#find")
        session = chat.page.context.new_cdp_session(chat.page)
        place = {"selectionStart": 5, "selectionEnd": 5}
        session.send("Input.imeSetComposition", {"text": "nihao", **place})
        chat.page.wait_for_timeout(400)
        assert not [url for url in asked if "q=" in url]
        session.send("Input.insertText", {"text": "你好"})
        expect(chat.page.locator("#no-conversations")).to_contain_text("你好")
