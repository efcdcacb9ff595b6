"""`static/chat/sse.js`: a stream over as many connections as it takes, in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from .chat_page import ChatPage

# A server of three events. Each connection gets what follows the id that it names; the
# first one is cut behind so many bytes.
SERVER = """
const events = ["中😀", "b\\nc", "🙂👩‍👩‍👧"];
const texts = events.map((text, at) =>
    `id: ${at + 1}${eol}event: delta${eol}` +
    text.split("\\n").map((line) => `data: ${line}${eol}`).join("") + eol);
texts.push(`id: 4${eol}event: done${eol}data: {}${eol}${eol}`);
const bytesAfter = (id) => new TextEncoder().encode(
    `retry: 0${eol}: ping${eol}` + texts.slice(Number(id || 0)).join(""));
const body = (bytes, broken) => new ReadableStream({
    pull(controller) {
        if (bytes.length) {
            controller.enqueue(bytes);
            bytes = new Uint8Array();
        } else if (broken) controller.error(new TypeError("the network is gone"));
        else controller.close();
    },
});
const isLast = ({event}) => event === "done";
const read = async (connect, options = {}) => {
    const seen = [];
    for await (const event of module.follow(connect, {isLast, ...options})) {
        seen.push(event);
    }
    return seen;
};
"""

EVERY_CUT = (
    "async (module, [eol, broken]) => {"
    + SERVER
    + """
    const whole = JSON.stringify(await read(() => new Response(body(bytesAfter("")))));
    const wrong = [];
    const size = bytesAfter("").length;
    for (let cut = `retry: 0${eol}`.length; cut < size; cut++) {
        let connections = 0;
        const got = await read((lastId) => {
            connections += 1;
            const bytes = bytesAfter(lastId);
            if (connections > 1) return new Response(body(bytes));
            return new Response(body(bytes.slice(0, cut), broken));
        });
        if (JSON.stringify(got) !== whole) wrong.push(cut);
    }
    return {wrong, whole: JSON.parse(whole)};
}"""
)


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("broken", [True, False], ids=["broken", "ended"])
def test_wherever_it_is_cut_nothing_is_lost_or_double(
    library: ChatPage, eol: str, broken: bool
) -> None:
    found = library.module("sse", EVERY_CUT, [eol, broken])

    assert found["wrong"] == []
    said = [event["data"] for event in found["whole"]]
    assert said == ["中😀", "b\nc", "🙂👩‍👩‍👧", "{}"]
    assert [event["id"] for event in found["whole"]] == ["1", "2", "3", "4"]


def follow(library: ChatPage, script: str) -> Any:
    lines = f"async (module) => {{ const eol = '\\n'; {SERVER} {script} }}"
    return library.module("sse", lines)


def test_status_204_is_the_end(library: ChatPage) -> None:
    assert (
        follow(library, "return read(() => new Response(null, {status: 204}));") == []
    )


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_refused_for_now_is_asked_again(library: ChatPage, status: int) -> None:
    script = f"""
    const headers = {{"Retry-After": "0.05"}};
    const no = [new Response("", {{status: {status}, headers}})];
    const began = performance.now();
    const seen = await read((id) => no.pop() ?? new Response(body(bytesAfter(id))));
    return [seen.length, performance.now() - began];
    """
    count, waited = follow(library, script)

    assert count == 4
    assert waited >= 45


def test_what_is_refused_for_good_is_thrown(library: ChatPage) -> None:
    script = """
    let asked = 0;
    try {
        await read(() => { asked += 1; return new Response("{}", {status: 404}); });
    } catch (error) {
        return [error.name, error.response.status, asked];
    }
    """
    assert follow(library, script) == ["StreamError", 404, 1]


def test_a_silent_connection_is_given_up(library: ChatPage) -> None:
    script = """
    let connections = 0;
    return (await read((id, signal) => {
        connections += 1;
        if (connections > 1) return new Response(body(bytesAfter(id)));
        return new Response(new ReadableStream({
            start(controller) {
                controller.enqueue(new TextEncoder().encode("retry: 0\\n" + texts[0]));
                signal.addEventListener("abort", () => controller.error(signal.reason));
            },
        }));
    }, {silence: 60})).map((event) => event.id);
    """
    assert follow(library, script) == ["1", "2", "3", "4"]


def test_it_ends_when_it_is_told_to(library: ChatPage) -> None:
    script = """
    const wish = new AbortController();
    const signals = [];
    setTimeout(() => wish.abort(), 30);
    const seen = await read((id, signal) => {
        signals.push(signal);
        return new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)));
    }, {signal: wish.signal});
    return [seen, signals.length, signals[0].aborted];
    """
    assert follow(library, script) == [[], 1, True]


def test_leaving_the_loop_closes_the_connection(library: ChatPage) -> None:
    script = """
    let inside;
    for await (const event of module.follow((id, signal) => {
        inside = signal;
        return new Response(body(bytesAfter(id)));
    })) break;
    return inside.aborted;
    """
    assert follow(library, script) is True
