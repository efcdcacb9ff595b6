"""One connection a page, and all pages in step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .chat_page import LONG, ChatPage, words
from .server import Server, Wire

LOST = "The connection is lost."
STREAM = re.compile(r"/generations/[^/]+/stream")
RETURN = '() => document.dispatchEvent(new Event("visibilitychange"))'
# Each look waits for an answer to it; one that comes as the test freezes the wire, or
# sits in a slow browser, must not be taken for that.
RETURN_OFTEN = f"() => {{ window.returning = setInterval({RETURN}, 300); }}"
STAY = "() => clearInterval(window.returning)"


class Traffic:
    """What a page opens."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[str] = []
        self.streams: list[str] = []
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.on("request", self._seen)

    def _seen(self, request: Any) -> None:
        if STREAM.search(request.url):
            self.streams.append(request.url)


@pytest.fixture
def tabs(chat: ChatPage) -> Iterator[Any]:
    """More tabs of the same browser; none may have had a fault."""
    opened: list[ChatPage] = []

    def open_more(count: int, path: str | None = None) -> list[ChatPage]:
        opened.extend(chat.tab(path) for _ in range(count))
        return opened

    yield open_more
    assert [tab.faults() for tab in opened] == [[] for _ in opened]


def test_a_page_has_one_connection(chat: ChatPage) -> None:
    traffic = Traffic(chat.page)
    chat.page.reload()
    chat.ask("n=10 pace=0.01")
    chat.ask("n=10 pace=0.01 again")
    chat.page.click("#new-chat")
    chat.ask("n=10 pace=0.01 elsewhere")
    assert len(traffic.sockets) == 1
    assert traffic.streams == []


def test_seven_tabs_follow_one_answer(chat: ChatPage, tabs: Any) -> None:
    """HTTP/1.1 gives a browser six connections to a site."""
    chat.ask("n=2 first")
    others = tabs(6)
    chat.ask("n=40 hang=20 pace=0.01 second", wait=False)
    for tab in others:
        tab.page.wait_for_selector("body.answering")
        tab.wait_for_text("t19")
    chat.stop()
    for tab in (chat, *others):
        tab.wait_for_end()
        assert tab.text == words(20)
        expect(tab.page.locator(".message")).to_have_count(4)


def test_another_version_appears_in_the_other_tab(chat: ChatPage, tabs: Any) -> None:
    chat.ask("n=3")
    [other] = tabs(1)
    first = other.stored()[-1]["id"]
    chat.answer.get_by_role("button", name="Answer again").click()
    expect(other.answer.locator(".siblings")).to_contain_text("2 of 2")
    other.wait_for_end()
    expect(other.page.locator(".assistant")).to_have_count(1)
    assert other.answer.get_attribute("data-message") != first


def test_what_is_typed_in_the_other_tab_stays(chat: ChatPage, tabs: Any) -> None:
    chat.ask("n=3 one")
    [other] = tabs(1)
    other.type("half a thought")
    question = other.page.locator(".user").first
    question.hover()
    question.get_by_role("button", name="Edit").click()
    question.get_by_label("Your question").fill("half an edit")
    chat.ask("n=3 two")
    expect(other.page.locator(".assistant")).to_have_count(2)
    other.wait_for_end()
    expect(other.prompt).to_have_value("half a thought")
    expect(question.get_by_label("Your question")).to_have_value("half an edit")


def test_the_other_tabs_list_hears_of_it(chat: ChatPage, tabs: Any) -> None:
    [other] = tabs(1, "/")
    requests: list[str] = []
    chat.ask(f"{LONG} heard elsewhere", wait=False)
    row = other.page.locator("#conversations li", has_text="heard elsewhere")
    expect(row.locator(".pulse")).to_have_count(1)
    other.page.on("request", lambda request: requests.append(request.url))
    chat.stop()
    expect(row.locator(".pulse")).to_have_count(0)
    assert len(requests) <= 2, "nothing asks again and again"


def test_a_conversation_deleted_elsewhere_is_left(chat: ChatPage, tabs: Any) -> None:
    chat.ask("n=3 to be deleted")
    [other] = tabs(1)
    other.module(
        "api", "({conversations}, id) => conversations.remove(id)", chat.conversation
    )
    expect(chat.page).to_have_url("/")
    expect(chat.page.locator("#notice")).to_contain_text("deleted on another page")


def test_without_sockets_it_streams(
    open_chat: Callable[..., ChatPage], wire: Wire
) -> None:
    wire.no_sockets = True
    chat = open_chat()
    traffic = Traffic(chat.page)
    chat.ask("n=40 hang=30 pace=0.05", wait=False)
    chat.wait_for_text("t5")
    expect(chat.connection).to_be_hidden()
    with chat.page.expect_request(STREAM):
        wire.cut()
    chat.wait_for_text("t29")
    chat.stop()
    assert chat.text == words(30)
    assert len(traffic.streams) >= 2
    wire.no_sockets = False
    chat.page.evaluate(RETURN)
    chat.wait_until_live()
    before = len(traffic.streams)
    chat.ask("n=5 again")
    assert len(traffic.streams) == before


def test_a_dead_connection_is_noticed_when_the_reader_returns(
    chat: ChatPage, wire: Wire
) -> None:
    """A sleeping phone: nothing comes any more, and nobody said so."""
    chat.ask(LONG, wait=False)
    chat.wait_for_text("t3")
    wire.frozen = True
    with chat.page.expect_websocket():
        chat.page.evaluate(RETURN_OFTEN)
    chat.page.evaluate(STAY)
    wire.frozen = False
    chat.wait_for_more()
    chat.stop()
    assert words(4000).startswith(chat.text.strip())
    assert chat.text.strip() == chat.stored()[-1]["content"].strip()


def test_an_idle_page_says_how_it_is(
    chat: ChatPage, wire: Wire, tabs: Any, server: Server
) -> None:
    chat.ask("n=2")
    [other] = tabs(1)
    wire.down = True
    wire.cut()
    expect(other.connection).to_have_text(f"{LOST} It is being restored…")
    wire.down = False
    expect(other.connection).to_be_hidden()
    server.kill()
    expect(other.connection).to_be_visible()
    server.start()
    expect(other.connection).to_be_hidden()
    chat.ask("n=7 after the restart")
    expect(other.page.locator(".assistant")).to_have_count(2)


def test_what_was_missed_is_caught_up(
    chat: ChatPage, open_chat: Callable[..., ChatPage], wire: Wire
) -> None:
    """Asked on another device while this one was away."""
    chat.ask("n=2")
    away = open_chat(path=f"/c/{chat.conversation}/")
    away.page.context.set_offline(True)
    wire.cut()
    expect(away.connection).to_contain_text("You are offline.")
    chat.ask("n=6 meanwhile")
    away.page.context.set_offline(False)
    expect(away.page.locator(".assistant")).to_have_count(2)
    expect(away.connection).to_be_hidden()
    expect(away.answer.locator("> .prose")).to_have_text(words(6))


TAKE = """(module, events) => {
    const seen = [];
    const watch = new module.Watch("g", {onEvent: ({seq}) => seen.push(seq)}, () => {});
    events.forEach(([seq, event]) => watch.take({seq, event, data: {}}));
    return {seen, over: watch.over};
}"""


def test_a_reader_takes_each_event_once_and_none_of_an_earlier_one(
    library: ChatPage,
) -> None:
    late = [(1000500, "delta")]
    own = [(1, "start"), (1000001, "delta"), (1, "start"), (1000001, "delta")]
    end = [(1000002, "done"), (1000003, "delta")]
    result = library.module("connection/watch", TAKE, [*late, *own, *end])
    assert result == {"seen": [1, 1000001, 1000002], "over": True}
