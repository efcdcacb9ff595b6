"""A connection is only a reader: losing it loses nothing and asks nothing twice."""

from __future__ import annotations

from playwright.sync_api import expect

from .chat_page import ChatPage, words
from .server import Server, Wire

LOST = "The connection is lost."


def assert_whole(chat: ChatPage, count: int) -> None:
    """The full text is there, once, and as it is stored."""
    assert chat.text == words(count)
    stored = chat.stored()
    assert [m["role"] for m in stored] == ["user", "assistant"]
    assert stored[-1]["content"] == words(count)
    assert stored[-1]["status"] == "done"


def assert_stopped_in_step(chat: ChatPage) -> None:
    """It is still written, and read; stopped, the text is there once, as stored."""
    chat.page.wait_for_selector("body.answering")
    chat.wait_for_text("t40")
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()
    question, answer = chat.stored()
    assert (question["role"], answer["status"]) == ("user", "stopped")
    assert words(4000).startswith(answer["content"])
    assert chat.text.strip() == answer["content"].strip()


def test_it_survives_a_reload(chat: ChatPage) -> None:
    chat.ask("pace=0.04 n=4000", wait=False)
    chat.wait_for_text("t8")
    chat.page.reload()
    assert_stopped_in_step(chat)


def test_it_survives_a_lost_connection(chat: ChatPage, wire: Wire) -> None:
    chat.ask("pace=0.04 n=80", wait=False)
    chat.wait_for_text("t8")
    wire.down = True
    wire.cut()
    expect(chat.connection).to_contain_text(LOST)
    wire.down = False
    chat.wait_for_end()
    expect(chat.connection).to_be_hidden()
    assert_whole(chat, 80)


def test_it_survives_many_lost_connections(chat: ChatPage, wire: Wire) -> None:
    chat.ask("pace=0.04 n=120", wait=False)
    for token in ("t5 ", "t40 ", "t75 "):
        chat.page.wait_for_function(
            "(token) => document.querySelector('.assistant > .prose')"
            ".textContent.includes(token)",
            arg=token,
        )
        wire.cut()
    chat.wait_for_end()
    assert_whole(chat, 120)


def test_a_question_sent_twice_is_asked_once(chat: ChatPage, wire: Wire) -> None:
    """The request arrived, its answer did not: the key makes them one."""
    chat.type("pace=0.02 n=20")
    wire.deaf = True
    chat.prompt.press("Enter")
    expect(chat.connection).to_be_visible()
    wire.deaf = False
    chat.wait_for_end()
    assert_whole(chat, 20)


def test_a_question_that_cannot_be_sent_is_given_back(
    chat: ChatPage, wire: Wire
) -> None:
    chat.type("n=5 once more")
    wire.down = True
    wire.cut()
    chat.prompt.press("Enter")
    expect(chat.connection).to_contain_text("Your question is sent as soon")
    chat.page.click("#send")
    expect(chat.prompt).to_have_value("n=5 once more")
    expect(chat.page.locator(".message")).to_have_count(0)
    wire.down = False
    chat.prompt.press("Enter")
    chat.wait_for_end()
    assert chat.text == words(5)


def test_it_survives_the_death_of_the_server(chat: ChatPage, server: Server) -> None:
    chat.ask("pace=0.04 n=100", wait=False)
    chat.wait_for_text("t15")
    server.kill()
    expect(chat.connection).to_contain_text(LOST)
    server.start()
    chat.wait_for_end()
    assert_whole(chat, 100)


def test_an_answer_goes_on_while_another_is_read(chat: ChatPage) -> None:
    chat.ask("n=2 other")
    other = chat.page.url
    chat.page.click("#new-chat")
    chat.ask("pace=0.04 n=4000 long", wait=False)
    chat.wait_for_text("t3")
    chat.page.get_by_role("link", name="n=2 other").click()
    chat.page.wait_for_url(other)
    expect(chat.page.locator("#conversations .pulse")).to_have_count(1)
    expect(chat.page.locator("#send")).to_have_attribute("aria-label", "Send")
    chat.page.go_back()
    assert_stopped_in_step(chat)
    expect(chat.page.locator("#conversations .pulse")).to_have_count(0)


def test_a_finished_answer_is_there_after_a_reload(chat: ChatPage) -> None:
    chat.ask("n=8 fail=4")
    chat.page.reload()
    expect(chat.answer.locator(".notice")).to_contain_text("The model stopped")
    assert chat.text.strip() == words(4)


def test_signing_out_elsewhere_ends_the_reading_politely(
    chat: ChatPage, wire: Wire
) -> None:
    chat.ask("pace=0 hang=4", wait=False)
    chat.wait_for_text("t3")
    cookies = chat.page.context.cookies()
    chat.page.context.clear_cookies()
    wire.cut()
    expect(chat.page.locator("#notice")).to_contain_text("You are signed out.")
    expect(chat.answer).not_to_have_attribute("aria-busy", "true")
    assert chat.text.startswith("t0 t1 t2")
    # It is still being written, and can be stopped by who signs in again.
    chat.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    chat.page.reload()
    chat.page.wait_for_selector("body.answering")
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()


def test_a_draft_survives_a_reload(chat: ChatPage) -> None:
    chat.type("half a question")
    chat.page.reload()
    expect(chat.prompt).to_have_value("half a question")
    chat.type("")
