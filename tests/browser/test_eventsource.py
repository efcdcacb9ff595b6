"""The browser's own EventSource against the live server."""

from __future__ import annotations

from pathlib import Path

from .chat_page import ChatPage, words
from .server import Wire

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "docs/examples/eventsource.js"

BEGIN = """async (prompt) => {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)[1];
    const begun = await fetch("/api/chat/stream", {
        method: "POST",
        headers: {
            "Content-Type": "application/json",
            "X-CSRFToken": token,
            Prefer: "respond-async",
        },
        body: JSON.stringify({prompt}),
    });
    return (await begun.json()).generation;
}"""

WATCH = """([generation, after]) => {
    const seen = window.seen = {text: "", ids: [], opened: 0, closed: false, last: ""};
    const url = `/api/generations/${generation}/stream?after=${after}`;
    const source = new EventSource(url);
    source.onopen = () => (seen.opened += 1);
    source.onerror = (event) => {
        if (source.readyState === EventSource.CLOSED) seen.closed = true;
    };
    for (const name of ["start", "queued", "delta", "snapshot", "done"]) {
        source.addEventListener(name, (event) => {
            seen.ids.push(Number(event.lastEventId));
            seen.last = name;
            const data = JSON.parse(event.data);
            if (name === "delta") seen.text += data.text;
            if (name === "snapshot") seen.text = data.text;
        });
    }
}"""
READS = """([opened, text]) =>
    window.seen.opened === opened && window.seen.text.includes(text)"""


def begin(chat: ChatPage, prompt: str) -> str:
    generation: str = chat.page.evaluate(BEGIN, prompt)
    return generation


def test_it_resumes_and_is_stopped_by_204(chat: ChatPage, wire: Wire) -> None:
    """It comes back by itself with Last-Event-ID, though its address says 0; it never
    closes, so at the end it asks once more, and is told that nothing follows."""
    generation = begin(chat, "pace=0.03 n=60 hang=40")
    chat.page.evaluate(WATCH, [generation, 0])
    for opened, token in ((1, "t5 "), (2, "t30 ")):
        chat.page.wait_for_function(READS, arg=[opened, token])
        wire.cut()
    chat.page.wait_for_function(READS, arg=[3, "t39"])
    chat.module("api", "({generations}, id) => generations.stop(id)", generation)
    chat.page.wait_for_function("() => window.seen.closed")
    seen = chat.page.evaluate("() => window.seen")

    assert seen["text"] == words(40)
    assert seen["last"] == "done"
    assert seen["opened"] == 3
    assert seen["ids"] == sorted(set(seen["ids"]))


def test_a_stream_it_may_not_read_closes_it(chat: ChatPage) -> None:
    chat.page.evaluate(WATCH, ["00000000-0000-4000-8000-000000000000", 0])
    chat.page.wait_for_function("() => window.seen.closed")

    assert chat.page.evaluate("() => window.seen.opened") == 0


def test_the_example_runs(chat: ChatPage) -> None:
    script = EXAMPLE.read_text("utf-8")
    with chat.page.expect_console_message(lambda said: "t0" in said.text) as said:
        chat.page.evaluate(f"async () => {{ {script} }}")

    assert said.value.text == words(40)
