"""How smoothly the page shows a long answer while it is written.

20,000 characters with headings, lists, tables, five code blocks and formulas, in 4,000
pieces over 20 seconds, go through the page's own view, typewriter and renderer, in
Chromium, beside the usual following of the end. Measured there: the longest task, the
frames that were missed, the time in scripts. At the end what stands on the page must
be what drawing the whole text once gives.

Frames depend on who else has the processor, so two bare pages are measured in the same
run: one that shows nothing, and one that shows the same text as plain text.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.browser.chromium import installed_chromium
from tests.browser.server import Server

from .table import table

CHARACTERS, PIECES, SECONDS = 20_000, 4_000, 20.0

CODE = '''```{language}
def greet{number}(name: str) -> str:
    """Say hello, {number} times."""
    if not name:
        raise ValueError("a name, please")
    return ", ".join(f"Hello {{name}} {{n}}" for n in range({number}))
```

'''
SECTION = """## {number}. A section with a title

A paragraph with **bold** and *leaning* words, `code`, a [link](https://b.org/{number})
and a formula $x_{number}^2 + y^2 = r^2$. **注意：**中文也要好看。 It goes on
for a while, as answers do, so that lines are broken and the end of the page moves down.

- one item, with `code` in it
- another one
  1. nested, first
  2. nested, second with $\\alpha_{number}$
- [x] done
- [ ] to do

| name | value | note |
|:-----|------:|------|
| a{number} | {number} | first |
| b{number} | 2 | **second** |

> What somebody said, in a quotation
> of two lines.

$$\\int_0^{number} f(x)\\,dx = \\frac{{1}}{{{number}}}$$

"""
LANGUAGES = ("python", "javascript", "rust", "sql", "bash")


def document(size: int = CHARACTERS) -> str:
    """Markdown with everything, exactly so long; five blocks of code."""
    parts, number = ["# A long answer\n\n"], 0
    while sum(map(len, parts)) < size:
        number += 1
        parts.append(SECTION.replace("{number}", str(number)).replace("{{", "{"))
        if number <= len(LANGUAGES):
            parts.append(CODE.format(language=LANGUAGES[number - 1], number=number))
    text = "".join(parts).replace("}}", "}")
    return text[:size]


# Plays the text, and counts frames meanwhile.
PLAY = """
const play = async (text, pieces, seconds, take, end) => {
    const frames = [];
    let over = false, last = performance.now();
    requestAnimationFrame(function frame(now) {
        frames.push(now - last);
        last = now;
        if (!over) requestAnimationFrame(frame);
    });
    const size = text.length / pieces;
    const began = performance.now();
    let sent = 0;
    await new Promise((resolve) => {
        const tick = () => {
            const passed = (performance.now() - began) / 1000 / seconds;
            const due = Math.min(pieces, Math.floor(passed * pieces) + 1);
            for (; sent < due; sent++) {
                const from = Math.round(sent * size);
                take(text.slice(from, Math.round((sent + 1) * size)), sent);
            }
            sent < pieces ? setTimeout(tick, 4) : resolve();
        };
        tick();
    });
    await end();
    over = true;
    return frames;
};"""

STREAM = """async ([text, pieces, seconds]) => {
    const at = (path) => import(`/static/chat/${path}.js`);
    const { AssistantView } = await at("messages/assistant");
    const { Answer } = await at("answers/answer");
    document.body.classList.remove("empty");
    const message = {id: "m", parent: null, role: "assistant", content: "",
                     status: "running", generation: "g"};
    const view = new AssistantView(message, {canGoOn: () => false});
    view.showGrowing();
    document.getElementById("messages").append(view.node);
    window.shown = view;
    const answer = new Answer();
    const take = (text, place) => {
        const event = {seq: 1000001 + place, event: "delta", data: {text}};
        answer.apply(event);
        view.update(event, answer);
    };
    return play(text, pieces, seconds, take, () => {
        answer.apply({seq: 2000000, event: "done", data: {finish_reason: "stop"}});
        return new Promise((resolve) => view.finish(answer, resolve));
    });
}""".replace("{", "{" + PLAY, 1)

# The same text as bare paragraphs, on a page that has nothing else.
PLAIN = """async ([text, pieces, seconds]) => {
    const place = document.body.appendChild(document.createElement("div"));
    place.style.cssText = "height: 90vh; overflow: auto";
    let line, waiting = "";
    const draw = () => {
        for (const [at, part] of waiting.split("\\n\\n").entries()) {
            if (at || !line) {
                const paragraph = place.appendChild(document.createElement("p"));
                line = paragraph.appendChild(document.createTextNode(""));
            }
            line.appendData(part);
        }
        waiting = "";
        place.scrollTop = place.scrollHeight;
    };
    return play(text, pieces, seconds, (more) => {
        if (!waiting) requestAnimationFrame(draw);
        waiting += more;
    }, () => {});
}""".replace("{", "{" + PLAY, 1)

NOTHING = """async ([text, pieces, seconds]) =>
    { return play(text, pieces, seconds, () => {}, () => {}); }
""".replace("{", "{" + PLAY, 1)

SCRIPTS = {"nothing": NOTHING, "plain text": PLAIN, "the page": STREAM}

COMPARE = """async (text) => {
    const { BlockRenderer } = await import("/static/chat/blocks.js");
    const settled = async (root) => {
        while (root.querySelector(".math:not(:has(.katex)):not(.math-failed)")
               || root.querySelector("figure.code:not(:has(span[class^=hljs-]))")) {
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return root.innerHTML;
    };
    const once = document.createElement("div");
    new BlockRenderer(once).finish(text);
    const result = [await settled(window.shown.body), await settled(once)];
    window.shown.node.remove();
    return result;
}"""


def missed(frames: Sequence[float], usual: float = 1000 / 60) -> float:
    """The share of the frames there could have been."""
    gaps = [max(1, round(frame / usual)) for frame in frames]
    return 1 - len(gaps) / max(1, sum(gaps))


@contextmanager
def chat_page() -> Iterator[Page]:
    """Somebody's chat page, in a browser of its own, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="chatsite-bench.") as folder:
        server = Server(Path(folder))
        server.prepare()
        server.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=installed_chromium()
                )
                page = browser.new_page(base_url=f"http://127.0.0.1:{server.port}")
                page.goto("/accounts/login/")
                page.fill("#id_username", "alice")
                page.fill("#id_password", "alice-password")
                page.click("main button[type=submit]")
                page.wait_for_selector("html[data-ready]")
                yield page
                browser.close()
        finally:
            server.stop()


class Trace:
    """The main thread's tasks while it is open, by the processor's clock: what else
    the machine does spoils less of it than of the wall's."""

    def __init__(self, session: CDPSession) -> None:
        self.session = session
        self.events: list[dict[str, Any]] = []
        self.complete = False
        session.on(
            "Tracing.dataCollected", lambda news: self.events.extend(news["value"])
        )
        session.on("Tracing.tracingComplete", lambda _: setattr(self, "complete", True))

    def start(self) -> None:
        kinds = ["disabled-by-default-devtools.timeline", "devtools.timeline"]
        only = {"includedCategories": kinds, "excludedCategories": ["*"]}
        how = {"transferMode": "ReportEvents", "traceConfig": only}
        self.session.send("Tracing.start", how)

    def stop(self, page: Page) -> list[float]:
        """Milliseconds of each task of the thread that did most."""
        self.session.send("Tracing.end")
        while not self.complete:
            page.wait_for_timeout(50)
        threads: dict[tuple[int, int], list[float]] = defaultdict(list)
        for event in self.events:
            if event["name"] == "RunTask":
                place = event["pid"], event["tid"]
                threads[place].append(event.get("tdur", 0) / 1000)
        return max(threads.values(), key=sum)


def script_seconds(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "ScriptDuration"))


class Played:
    """What one playing took."""

    def __init__(self, page: Page, script: str, seconds: float, slower: float) -> None:
        stream = [document(), PIECES, seconds]
        session = fresh_page(page, slower, bare=script is not STREAM)
        before = script_seconds(session)
        self.frames: list[float] = page.evaluate(script, stream)
        self.scripts = script_seconds(session) - before
        self.same = script is STREAM and same(page)
        # Again: tracing the tasks makes the scripts slower.
        trace = Trace(fresh_page(page, slower, bare=script is not STREAM))
        trace.start()
        page.evaluate(script, stream)
        self.tasks = trace.stop(page)

    def column(self) -> dict[str, object]:
        return {
            "longest task ms": round(max(self.tasks), 1),
            "tasks over 50 ms": sum(task > 50 for task in self.tasks),
            "seconds in tasks": round(sum(self.tasks) / 1000, 2),
            "seconds in scripts": round(self.scripts, 2),
            "frames": len(self.frames),
            "missed frames %": round(100 * missed(self.frames), 2),
            "same as drawn once": self.same or "",
        }


def same(page: Page) -> bool:
    shown, whole = page.evaluate(COMPARE, document())
    return bool(shown == whole)


def fresh_page(page: Page, slower: float, *, bare: bool = False) -> CDPSession:
    if bare:
        page.goto("about:blank")
    else:
        page.goto("/")
        page.wait_for_selector("html[data-ready]")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    return session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--slower", type=float, default=1.0)
    wanted = parser.parse_args()
    with chat_page() as page:
        columns = {
            name: Played(page, script, wanted.seconds, wanted.slower).column()
            for name, script in SCRIPTS.items()
        }
    rows = [
        [row, *(column[row] for column in columns.values())]
        for row in columns["the page"]
    ]
    print(table(["", *columns], rows))


if __name__ == "__main__":
    main()
