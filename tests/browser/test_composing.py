"""What stands around the message field: files, templates, context, parameters, and
what a reader thinks of an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from .chat_page import ChatPage

Open = Callable[..., ChatPage]
JOIN = """(module, [text, files]) => {
    const prompt = module.compose(text, files);
    return {prompt, back: module.split(prompt)};
}"""
DECODE = "(module, bytes) => module.decode(Uint8Array.from(bytes).buffer)"


def text_file(name: str, text: str | bytes) -> dict[str, Any]:
    data = text if isinstance(text, bytes) else text.encode()
    return {"name": name, "mimeType": "text/plain", "buffer": data}


class TestFiles:
    def test_its_text_goes_along_and_is_folded_up(self, open_chat: Open) -> None:
        chat = open_chat()
        chat.page.set_input_files(
            "#attach-input", [text_file("笔记.txt", "第一行\n<b>x</b>")]
        )
        chip = chat.page.locator("#attachments li")
        expect(chip).to_contain_text("笔记.txt")
        expect(chip).to_contain_text("12 characters")
        chat.ask("Sum it up")

        sent = chat.stored()[0]["content"]
        assert sent == (
            'Sum it up\n\n<file name="笔记.txt">\n第一行\n<b>x</b>\n</file>'
        )
        said = chat.page.locator(".user-text").last
        expect(said.locator("pre")).to_be_hidden()
        said.locator("summary").click()
        expect(said.locator("pre")).to_have_text("第一行\n<b>x</b>")
        expect(chip).to_have_count(0)

    def test_it_can_go_alone_and_be_taken_back(self, open_chat: Open) -> None:
        chat = open_chat()
        files = [text_file("a.txt", "aa"), text_file("b.txt", "bb")]
        chat.page.set_input_files("#attach-input", files)
        expect(chat.page.locator("#attachments li")).to_have_count(2)
        chat.page.get_by_role("button", name="Remove a.txt").click()
        expect(chat.page.locator("#attach")).to_be_focused()
        chat.page.click("#send")
        chat.wait_for_end()

        assert chat.stored()[0]["content"] == '<file name="b.txt">\nbb\n</file>'

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("picture.png", b"\x89PNG\x00\xff\xfe", "is no text file"),
            ("big.txt", b"x" * 2001, "is larger than a whole question"),
            ("empty.txt", b"", "is empty"),
        ],
    )
    def test_it_says_why_one_is_not_taken(
        self, open_chat: Open, name: str, content: bytes, words: str
    ) -> None:
        chat = open_chat()
        chat.page.set_input_files("#attach-input", [text_file(name, content)])

        expect(chat.page.locator("#notice")).to_contain_text(f"{name} {words}")
        expect(chat.page.locator("#attachments li")).to_have_count(0)

    def test_its_length_counts(self, open_chat: Open) -> None:
        chat = open_chat()
        chat.page.set_input_files("#attach-input", [text_file("a.txt", "x" * 600)])

        expect(chat.page.locator("#prompt-hint")).to_contain_text("128 characters too")
        expect(chat.page.locator("#send")).to_be_disabled()

    def test_the_draft_keeps_it_with_the_conversation(self, open_chat: Open) -> None:
        chat = open_chat()
        chip = chat.page.locator("#attachments li")
        chat.page.set_input_files("#attach-input", [text_file("a.txt", "aa")])
        expect(chip).to_contain_text("a.txt")
        chat.type("half a quest")
        chat.page.reload()

        expect(chat.prompt).to_have_value("half a quest")
        expect(chip).to_contain_text("a.txt")
        chat.page.get_by_role("button", name="Remove a.txt").click()
        chat.type("")

    @pytest.mark.parametrize(
        "content", ["", "</file>", 'x\n</file>\n\n<file name="y">\nz', "\n\n"]
    )
    def test_what_is_joined_comes_apart(self, library: ChatPage, content: str) -> None:
        files = [{"name": "a.txt", "text": content}, {"name": "b", "text": "b"}]
        joined = library.module("composing/attachments", JOIN, ["said", files])

        assert joined["back"]["text"].startswith("said")
        assert joined["back"]["files"][-1] == {"name": "b", "text": "b"}

    @pytest.mark.parametrize(
        ("data", "text"),
        [
            ("中文".encode(), "中文"),
            ("中文".encode("gb18030"), "中文"),
            (b"\xef\xbb\xbfa\r\nb\r\n", "a\nb"),
            (b"a\x00b", None),
            (b"\xff\xff\xff", None),
        ],
    )
    def test_it_reads_utf8_and_chinese_encodings(
        self, library: ChatPage, data: bytes, text: str | None
    ) -> None:
        assert library.module("composing/attachments", DECODE, list(data)) == text


def test_templates_are_kept_found_used_changed_and_deleted(open_chat: Open) -> None:
    chat = open_chat()
    chat.type("Translate into Chinese: ")
    page = chat.page
    page.click("#templates")
    page.get_by_role("button", name="New template").click()
    page.get_by_role("textbox", name="Name").fill("Translate")
    expect(page.get_by_role("textbox", name="Text")).to_have_value(
        "Translate into Chinese:"
    )
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Edit Translate").click()
    page.get_by_role("textbox", name="Text").fill("翻译成中文：")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("dialog")).to_contain_text("翻译成中文：")
    page.get_by_role("button", name="New template").click()
    page.get_by_role("textbox", name="Name").fill("Translate")
    page.get_by_role("textbox", name="Text").fill("again")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("dialog [role=alert]")).to_contain_text("of this name already")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Search templates").fill("翻译")
    page.get_by_label("Search templates").press("Enter")

    expect(page.locator("dialog")).to_have_count(0)
    expect(chat.prompt).to_be_focused()
    expect(chat.prompt).to_have_value("Translate into Chinese: 翻译成中文：")
    page.click("#templates")
    page.get_by_role("button", name="Delete Translate").click()
    expect(page.locator("dialog")).to_contain_text("You have no templates yet.")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    chat.type("")


def test_it_shows_how_full_the_context_is(open_chat: Open) -> None:
    """The scripted model has no size of its own, so the test gives it one."""
    chat = open_chat()

    told: dict[str, Any] = {"context_tokens": 1000, "reserved_tokens": 250}

    def small(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | told)

    chat.page.route("**/context?*", small)
    expect(chat.page.locator("#context")).to_be_hidden()
    chat.ask("Hello")
    expect(chat.page.locator("#context")).to_contain_text("of 1,000 tokens")
    chat.page.click("#context")
    expect(chat.page.get_by_role("dialog")).to_contain_text("250 of them are kept free")
    chat.page.keyboard.press("Escape")

    first = chat.stored()[1]["id"]
    told |= {"used_tokens": 700, "first_sent": first, "cut": True}
    chat.type("more")
    expect(chat.page.locator(".cut-mark + .assistant")).to_have_count(1)
    expect(chat.page.locator("#context")).to_contain_text("older messages are left out")
    chat.page.unroute_all(behavior="wait")


class TestParameters:
    def test_a_new_conversation_begins_with_them(self, open_chat: Open) -> None:
        chat = open_chat()
        self.set(chat, "You are brief.", "0.5")
        with chat.page.expect_response("**/api/conversations/*"):
            chat.ask("Hello")

        row = chat.api(f"/conversations/{chat.conversation}")
        assert row["system_prompt"] == "You are brief."
        assert row["params"] == {"temperature": 0.5}

    def test_an_old_one_changes_them(self, open_chat: Open) -> None:
        chat = open_chat()
        chat.ask("Hello")
        self.set(chat, "", "1")
        self.set(chat, "More.", "")

        row = chat.api(f"/conversations/{chat.conversation}")
        assert (row["system_prompt"], row["params"]) == ("More.", {})

    def set(self, chat: ChatPage, prompt: str, temperature: str) -> None:
        chat.page.click("#conversation-settings")
        chat.page.get_by_label("System prompt").fill(prompt)
        chat.page.get_by_label("Temperature").fill(temperature)
        chat.page.get_by_role("button", name="Save").click()
        expect(chat.page.locator("dialog")).to_have_count(0)


def test_an_answer_is_rated_with_a_word_and_taken_back(open_chat: Open) -> None:
    chat = open_chat()
    chat.ask("Hello")
    good = chat.page.get_by_role("button", name="Good answer")
    bad = chat.page.get_by_role("button", name="Bad answer")
    bad.click()
    chat.page.get_by_label("What was good or bad").fill("Too short")
    chat.page.get_by_role("button", name="Save").click()
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(chat.page.locator("form.comment")).to_have_count(0)
    assert [chat.stored()[1][name] for name in ("rating", "comment")] == [
        -1,
        "Too short",
    ]

    chat.page.reload()
    expect(bad).to_have_attribute("aria-pressed", "true")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(chat.page.get_by_label("What was good or bad")).to_have_value("Too short")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "false")
    expect(chat.page.locator("#status")).to_have_text("Your rating is taken back.")
    assert chat.stored()[1]["rating"] == 0
