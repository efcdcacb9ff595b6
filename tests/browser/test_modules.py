"""The script modules that need no page, in the browser that runs them."""

from __future__ import annotations

from typing import Any

import pytest

from .chat_page import ChatPage

PARSE = """(module, [text, cuts]) => {
    const bytes = new TextEncoder().encode(text);
    const parser = new module.SseParser();
    const events = [];
    let start = 0;
    for (const cut of [...cuts, bytes.length]) {
        events.push(...parser.feed(bytes.slice(start, cut)));
        start = cut;
    }
    return {events, retry: parser.retry};
}"""

EVERY_SPLIT = """(module, text) => {
    const bytes = new TextEncoder().encode(text);
    const parse = (...parts) => {
        const parser = new module.SseParser();
        return JSON.stringify(parts.flatMap((part) => parser.feed(part)));
    };
    const whole = parse(bytes);
    const wrong = [];
    for (let i = 0; i <= bytes.length; i++) {
        for (let j = i; j <= bytes.length; j++) {
            const got = parse(bytes.slice(0, i), bytes.slice(i, j), bytes.slice(j));
            if (got !== whole) wrong.push([i, j]);
        }
    }
    const single = parse(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    return {wrong, single: single === whole, whole: JSON.parse(whole)};
}"""


def parse(library: ChatPage, text: str, *cuts: int) -> Any:
    return library.module("sse", PARSE, [text, list(cuts)])


def event(data: str, name: str = "message", id: str = "") -> dict[str, str]:
    return {"id": id, "event": name, "data": data}


@pytest.mark.parametrize(
    ("text", "events"),
    [
        # the examples of the HTML standard, 9.2.6
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\n"
            "data:second event\nid\n\ndata:  third event\n\n",
            [
                event("first event", id="1"),
                event("second event"),
                event(" third event"),
            ],
        ),
        ("data\n\ndata\ndata\n\ndata:", [event(""), event("\n")]),
        ("data:test\n\ndata: test\n\n", [event("test"), event("test")]),
        # traps
        ("id: 7\n\n: ping\n\ndata: x\n\n", [event("x", id="7")]),
        ("event: done\n\ndata: x\n\n", [event("x")]),
        ("data: a\u2028b\x85c\n\n", [event("a\u2028b\x85c")]),
        ("id: 1\0\ndata: x\n\n", [event("x")]),
        ("\ufeffdata: x\n\n", [event("x")]),
        ("data: lost", []),
        ("data: lost\n", []),
        ("nonsense: 1\ndata: x\n\n", [event("x")]),
    ],
)
def test_it_reads_the_standard(
    library: ChatPage, text: str, events: list[dict[str, str]]
) -> None:
    for ending in ("\n", "\r", "\r\n"):
        assert parse(library, text.replace("\n", ending))["events"] == events


def test_it_reads_every_split_of_the_bytes(library: ChatPage) -> None:
    first = "retry: 5\n\nid: 1\r\nevent: delta\r\ndata: 中😀\r\n\r\n"
    second = "id: 2\rdata: b\r\r: c\n"
    result = library.module("sse", EVERY_SPLIT, first + second)
    assert result["wrong"] == []
    assert result["single"]
    assert result["whole"] == [event("中😀", "delta", "1"), event("b", id="2")]


def test_it_takes_the_time_to_retry(library: ChatPage) -> None:
    assert parse(library, "retry: 250\n\n")["retry"] == 250
    assert parse(library, "retry: soon\n\n")["retry"] is None


def test_waiting_grows_and_is_never_the_same(library: ChatPage) -> None:
    body = "(module) => [1, 2, 3, 4, 9, 50].map((n) => module.delayFor(n, 1000))"
    delays = library.module("backoff", body)
    limits = [1000, 2000, 4000, 8000, 15_000, 15_000]
    for delay, limit in zip(delays, limits, strict=True):
        assert limit / 2 <= delay <= limit
    assert delays != library.module("backoff", body)


ANSWER = """(module, events) => {
    const answer = new module.Answer();
    events.forEach(([event, data], seq) => answer.apply({seq, event, data}));
    return {...answer, finished: answer.finished};
}"""


def test_an_answer_follows_its_events(library: ChatPage) -> None:
    answer = library.module(
        "answers/answer",
        ANSWER,
        [
            ["start", {"attempt": 1}],
            ["queued", {"position": 2}],
            ["delta", {"reasoning": "hm"}],
            ["delta", {"text": "abc"}],
            ["start", {"attempt": 2}],
            ["snapshot", {"text": "ab", "reasoning": "hm"}],
            ["something new", {"x": 1}],
            ["delta", {"text": "cd"}],
            ["done", {"finish_reason": "length"}],
        ],
    )
    assert (answer["text"], answer["reasoning"]) == ("abcd", "hm")
    assert (answer["attempt"], answer["position"]) == (2, None)
    assert (answer["status"], answer["finishReason"]) == ("done", "length")
    assert answer["finished"]


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [
        (1, "1 second"),
        (5, "5 seconds"),
        (99, "99 seconds"),
        (100, "2 minutes"),
        (3600, "60 minutes"),
        (5400, "2 hours"),
        (30_000, "9 hours"),
    ],
)
def test_a_limit_says_how_long_it_takes(
    library: ChatPage, seconds: int, wait: str
) -> None:
    refused = {"status": 429, "code": "rate_limited", "message": "You ask too often."}
    refused |= {"retryAfter": seconds, "retryable": True}

    told = library.module(
        "errors", "(m, error) => m.explain(error, 'question')", refused
    )

    assert told["what"] == "You ask too often."
    assert told["next"] == (
        f"Your question is still in the field below. Try again in {wait}."
    )
    assert told["retryable"]
