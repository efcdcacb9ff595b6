"""Text that appears evenly, whole characters at a time, and never late."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect

from .chat_page import ChatPage, words

# Frames of 16 ms over a script of arrivals [at, count]: what is shown when.
PACED = """(module, [arrivals, until]) => {
    const pace = new module.SmoothPace();
    const shown = [];
    let waiting = 0, done = 0, last = 0;
    for (let now = 0; now <= until; now += 16) {
        for (const [at, count] of arrivals) {
            if (at >= now || at < now - 16) continue;
            pace.arrived(count, at);
            waiting += count;
        }
        const count = Math.min(waiting, pace.allowed(now - last, now));
        if (count > 0) pace.shown("x".repeat(count), "");
        waiting -= count;
        done += count;
        last = now;
        shown.push(done);
    }
    return shown;
}"""


def paced(library: ChatPage, arrivals: list[Any], until: int) -> list[int]:
    """Characters shown by each frame of 16 ms."""
    return list(library.module("answers/pace", PACED, [arrivals, until]))


ARRIVALS = {
    "a fast model": [(at, 5) for at in range(0, 2000, 5)],
    "a slow model": [(at, 4) for at in range(0, 4000, 250)],
    "by sentences": [(at, 90) for at in range(0, 4000, 700)],
    "unevenly": [(at * at % 3001, at % 37 + 1) for at in range(60)],
    "all at once": [(100, 5000)],
    "a pause": [(0, 10), (50, 10), (3000, 10)],
}


@pytest.mark.parametrize("name", ARRIVALS)
def test_no_character_is_half_a_second_late(library: ChatPage, name: str) -> None:
    arrivals = sorted(ARRIVALS[name])
    shown = paced(library, arrivals, 5000)
    assert shown[-1] == sum(count for _, count in arrivals)
    came = 0
    for at, count in arrivals:
        came += count
        by = min(len(shown) - 1, (at + 500) // 16)
        assert shown[by] >= came, (at, came)


def test_it_is_even(library: ChatPage) -> None:
    """A piece every quarter of a second becomes a flow: at most a few in a frame."""
    shown = paced(library, [(at, 25) for at in range(0, 4000, 250)], 4000)
    flow = [b - a for a, b in pairwise(shown[40:])]
    assert max(flow) <= 4
    assert flow.count(0) < len(flow) / 3


CUT = """(module, texts) => {
    const whole = (text) => {
        const ends = new Set();
        const count = text.length;
        for (let at = 1; at <= count; at++) ends.add(module.characterEnd(text, at));
        let from = 0;
        return [...ends].map((end) => text.slice(from, from = end));
    };
    return texts.map(whole);
}"""


def test_characters_stay_whole(library: ChatPage) -> None:
    texts = ["a👨‍👩‍👧b", "e\u0301x", "🇨🇳🇫🇷", "中文", "👍🏽!", "नमस्ते"]
    assert library.module("answers/typewriter", CUT, texts) == [
        ["a", "👨‍👩‍👧", "b"],
        ["e\u0301", "x"],
        ["🇨🇳", "🇫🇷"],
        ["中", "文"],
        ["👍🏽", "!"],
        ["न", "म", "स्ते"],
    ]


# Every piece that is shown while a text comes one code point at a time, by a clock of
# its own: a frame every 16 ms, however slow the machine is.
TYPED = """(module, [text, wishes, every, skipAt]) => {
    const { requestAnimationFrame, cancelAnimationFrame } = window;
    const shown = [], frames = new Map();
    let now = 0, handles = 0, ended = false;
    const pass = (ms) => {
        for (const until = now + ms; now < until; ) {
            now += 1;
            if (now % 16) continue;
            const due = [...frames.values()];
            frames.clear();
            for (const draw of due) draw(now);
        }
    };
    performance.now = () => now;
    window.requestAnimationFrame = (draw) => (frames.set(++handles, draw), handles);
    window.cancelAnimationFrame = (handle) => frames.delete(handle);
    try {
        const typewriter = new module.Typewriter((part) => shown.push(part), wishes);
        for (const point of text) {
            typewriter.append(point);
            pass(every);
        }
        typewriter.end(() => (ended = true));
        if (skipAt !== null) {
            pass(skipAt);
            typewriter.skip();
        }
        while (!ended && now < 60_000) pass(1);
        return {shown, took: now};
    } finally {
        delete performance.now;
        Object.assign(window, {requestAnimationFrame, cancelAnimationFrame});
    }
}"""
SMOOTH = {"typewriter": "smooth", "typewriterSpeed": 40}


def typed(
    library: ChatPage,
    text: str,
    wishes: dict[str, Any] = SMOOTH,
    every: int = 0,
    skip_at: int | None = None,
) -> Any:
    argument = [text, wishes, every, skip_at]
    return library.module("answers/typewriter", TYPED, argument)


def test_half_an_emoji_is_never_shown(library: ChatPage) -> None:
    text = "ok 👨‍👩‍👧 👍🏽 e\u0301 🇨🇳 end"
    result = typed(library, text, every=8)
    assert "".join(result["shown"]) == text
    joined = {"👨", "👨‍", "👍", "🇨", "\u0301", "🏽"}
    assert not joined & set(result["shown"])
    for part in result["shown"]:
        assert not part.endswith("\u200d")
        assert not part.startswith(("\u200d", "\u0301", "🏽"))


def test_the_end_comes_soon(library: ChatPage) -> None:
    result = typed(library, "x" * 3000)
    assert "".join(result["shown"]) == "x" * 3000
    assert len(result["shown"]) > 3
    assert result["took"] <= 250


def test_off_means_at_once(library: ChatPage) -> None:
    result = typed(library, "abc", {**SMOOTH, "typewriter": "off"})
    assert result["shown"] == ["a", "b", "c"]


def test_a_fixed_speed_rests_where_sentences_end(library: ChatPage) -> None:
    fixed = {"typewriter": "fixed", "typewriterSpeed": 500}
    flat = typed(library, "abcd" * 30, fixed)
    sentences = typed(library, "abc." + "abc。" * 29, fixed)
    assert "".join(sentences["shown"]) == "abc." + "abc。" * 29
    assert sentences["took"] > 2 * flat["took"]


def test_what_is_typed_slowly_can_be_skipped(library: ChatPage) -> None:
    fixed = {"typewriter": "fixed", "typewriterSpeed": 5}
    result = typed(library, "slow " * 200, fixed, skip_at=100)
    assert "".join(result["shown"]) == "slow " * 200


DURATION = re.compile(r"^Thought for (\d+ min ?)?(\d+ sec)?$")
RESTS = "(module, pairs) => pairs.map(([text, next]) => module.rest(text, next) > 0)"


def test_where_a_rest_belongs(library: ChatPage) -> None:
    pairs = [
        ("end.", " "),
        ("完。", "下"),
        ("what?”", " "),
        ("第一，", "第"),
        ("para\n\n", "N"),
        ("3.", "1"),
        ("10:", "3"),
        ("word", " "),
    ]
    expected = [True, True, True, True, True, False, False, False]
    assert library.module("answers/pace", RESTS, pairs) == expected


def test_an_answer_is_typed_and_ends_whole(chat: ChatPage) -> None:
    chat.ask("n=60 pace=0.02")
    assert chat.text == words(60) == chat.stored()[-1]["content"]


def test_less_motion_means_no_typing(open_chat: Callable[..., ChatPage]) -> None:
    chat = open_chat(reduced_motion="reduce")
    result = typed(chat, "abc")
    assert result["shown"] == ["a", "b", "c"]


def test_stopping_shows_what_is_there_at_once(chat: ChatPage) -> None:
    chat.ask("n=4000 pace=0.02", wait=False)
    chat.wait_for_text("t9")
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()
    assert chat.text.strip() == chat.stored()[-1]["content"].strip()


def test_thinking_tells_for_how_long(chat: ChatPage) -> None:
    chat.ask("think n=4 pace=0.1 hang=10", wait=False)
    summary = chat.answer.locator("summary")
    chat.wait_for_text("t1")
    expect(summary).to_have_text(DURATION)
    chat.page.reload()
    chat.wait_for_text("t1")
    expect(summary).to_have_text(DURATION)
    told = summary.inner_text()
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()
    expect(summary).to_have_text(told)
    chat.page.reload()
    expect(summary).to_have_text(told)
    expect(chat.answer.locator("details")).not_to_have_attribute("open", "")


def test_thinking_goes_on_counting_after_a_reload(chat: ChatPage) -> None:
    chat.ask("think pace=0 hang=4", wait=False)
    summary = chat.answer.locator("summary")
    expect(summary).to_have_text(re.compile(r"^Thinking… .*\d (sec|min)$"))
    expect(chat.answer.locator("details")).to_have_attribute("open", "")
    chat.page.reload()
    expect(summary).to_have_text(re.compile(r"^Thinking… (([2-9]|\d\d) sec|.*min.*)$"))
    chat.page.keyboard.press("Escape")
    chat.wait_for_end()
    # Stopped while it thought: what there is, is thoughts.
    expect(summary).to_contain_text("Thought for")
