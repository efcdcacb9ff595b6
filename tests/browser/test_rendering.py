"""What a model writes, on the page: right, the same however it came, and harmless."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from bench import page_stream
from chat.engines.scripts import MARKDOWN

from .chat_page import ChatPage, settles

HARMFUL = """
<script>window.hit = 1</script>
<img src=x onerror="window.hit = 2">
<svg onload="window.hit = 3"><a xlink:href="javascript:window.hit=4">x</a></svg>
<iframe srcdoc="<script>parent.hit = 5</script>"></iframe>
<a href="javascript:window.hit = 6">click</a>
[one](javascript:window.hit=7) [two](JaVaScRiPt:window.hit=8)
[three](data:text/html,<script>window.hit=9</script>) [four](vbscript:hit)
[five](javascript:window.hit`10`) <javascript:window.hit=11>
[six]( javascript&colon;window.hit=12 ) [seven](java\tscript:window.hit=13)
![image](https://example.com/leak.png) ![js](javascript:window.hit=14)
[ref]

[ref]: javascript:window.hit=15 "title"

<style>body { display: none }</style><form action="/x"><input name="y"></form>
<p style="background:url(https://example.com/leak)" onclick="window.hit=16">p</p>

```html" onmouseover="window.hit=17
<script>window.hit = 18</script>
```

$\\href{javascript:window.hit=19}{x}$ $\\includegraphics{https://example.com/leak.png}$
$\\htmlData{onclick=window.hit=20}{x}$

| <img src=x onerror=window.hit=21> | b |
|---|---|
| <b onclick=window.hit=22>c</b> | d |
"""


def say(text: str) -> str:
    return "pace=0.001 say=" + base64.urlsafe_b64encode(text.encode()).decode()


def test_it_is_harmless(open_chat: Callable[..., ChatPage]) -> None:
    chat = open_chat()
    outside: list[str] = []
    chat.page.on("request", lambda request: outside.append(request.url))
    shown = chat.module("blocks", RENDER_INTO_PAGE, HARMFUL)
    assert "window.hit = 18" in shown
    prose = chat.page.locator("#try")
    for link in prose.locator("a").all():
        assert (link.get_attribute("href") or "").startswith("https://example.com/")
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert prose.locator("img, script, iframe, form, input, style, svg a").count() == 0
    for element in prose.locator("p, code, td, span").all():
        element.dispatch_event("click")
        element.dispatch_event("mouseover")
    assert chat.page.evaluate("() => window.hit") is None
    assert [url for url in outside if not url.startswith("http://127.0.0.1:")] == []


RENDER_INTO_PAGE = """async (module, text) => {
    const root = document.createElement("div");
    root.id = "try";
    root.className = "prose";
    document.getElementById("messages").append(root);
    const renderer = new module.BlockRenderer(root);
    for (const char of text) {
        renderer.append(char);
        if (Math.random() < 0.05) renderer.frame.flush();
    }
    renderer.finish(text);
    await new Promise((resolve) => setTimeout(resolve, 800));
    return root.textContent;
}"""


def test_it_shows_a_document_with_everything(chat: ChatPage) -> None:
    chat.ask("markdown pace=0.003")
    prose = chat.answer.locator("> .prose")
    expect(prose.locator("h1")).to_have_text("A document with everything")
    expect(prose.locator("tbody tr")).to_have_count(2)
    expect(prose.locator("ol ul li")).to_have_count(2)
    expect(prose.locator(".task").first).to_have_text("☑ done")
    expect(prose.locator("strong", has_text="加粗（括号）")).to_have_count(1)
    expect(prose.locator("strong", has_text="“引号”")).to_have_count(1)
    expect(prose.locator(".hljs-keyword").first).to_have_text("def")
    expect(prose.locator(".katex")).to_have_count(2)
    expect(prose.locator(".katex-display")).to_have_count(1)
    expect(prose.get_by_text("Prices of $5 and $10 are not math.")).to_be_visible()
    expect(prose.get_by_text('<img src=x onerror="alert(1)">')).to_be_visible()
    expect(prose.locator("a")).to_have_count(1)
    expect(prose.locator("pre").last).to_contain_text("an open fence, never closed")


def test_streamed_and_stored_look_the_same(chat: ChatPage) -> None:
    def shown() -> str:
        """Once formulas and colours are there."""
        expect(chat.answer.locator(".katex")).to_have_count(2)
        expect(chat.answer.locator(".hljs-keyword")).to_have_count(keywords)
        return chat.answer.locator("> .prose").inner_html()

    chat.ask("markdown pace=0.001")
    chat.page.wait_for_selector(".hljs-keyword")
    keywords = chat.answer.locator(".hljs-keyword").count()
    streamed = shown()
    chat.page.reload()
    assert shown() == streamed


# Formulas and colours come with modules that are loaded when they are needed.
READY = r"""
    const warm = document.createElement("div");
    new module.BlockRenderer(warm).finish("$x$\n\n```py\nx = 1\n```\n");
    const ready = (what) => Boolean(warm.querySelector(what));
    while (!ready(".katex") || !ready("[class^=hljs-]"))
        await new Promise((resolve) => setTimeout(resolve, 20));
"""

GROW = (
    "async (module, [text, size]) => {"
    + READY
    + """
    const [whole, grown] = [0, 1].map(() => document.createElement("div"));
    new module.BlockRenderer(whole).finish(text);
    const renderer = new module.BlockRenderer(grown);
    let most = 0;
    for (let at = 0; at < text.length; at += size) {
        renderer.append(text.slice(at, at + size));
        renderer.frame.flush();
        most = Math.max(most, renderer.tail.length);
    }
    renderer.finish(text);
    return {
        same: grown.innerHTML === whole.innerHTML,
        grown: grown.innerHTML,
        whole: whole.innerHTML,
        most,
    };
}"""
)

DOCUMENTS = {
    "everything": MARKDOWN,
    "references": "See [a][1].\n\nAnd [b].\n\n[1]: https://example.com/1\n[b]: https://b.org\n",
    "loose list": "- a\n\n- b\n\n  still b\n\n- c\n\ndone\n",
    "setext": "Title\n=====\n\nSub\n---\n\ntext\n",
    "math": "$$\n- a\n+ b\n$$\n\nand \\[ x \\]\n\n$$ open\n\nend",
    "open formula": "so\n$$\n- a\n- b\n\n- c\n$$\n\n\\[\n# x\n> y\n\\]\nz\n\n$$\na\n",
    "fences": "````md\n```js\nlet a;\n```\n````\n\n~~~\nx\n~~~\nafter\n",
    "quotes": "> a\nlazy\n\n> b\n\n    code\n\ntext",
    "html": "<div>\n*a*\n\n</div>\n\n<!-- c -->\n\n<b>x</b>",
    "line ends": "a\r\n\r\nb\r\n- c\r\n- d\r\n",
}


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_growing_ends_like_drawing_once(
    library: ChatPage, name: str, size: int
) -> None:
    result = library.module("blocks", GROW, [DOCUMENTS[name], size])
    assert result["grown"] == result["whole"]


MIXED = (
    "async (module, [pieces, documents]) => {"
    + READY
    + """
    const wrong = [];
    for (const [order, size] of documents) {
        const text = order.map((place) => pieces[place]).join("");
        const [whole, grown] = [0, 1].map(() => document.createElement("div"));
        new module.BlockRenderer(whole).finish(text);
        const renderer = new module.BlockRenderer(grown);
        for (let at = 0; at < text.length; at += size) {
            renderer.append(text.slice(at, at + size));
            renderer.frame.flush();
        }
        renderer.finish(text);
        if (grown.innerHTML !== whole.innerHTML) wrong.push([text, size]);
    }
    return wrong;
}"""
)
PIECES = [
    *("# title\n", "text\n", "more **text**\n", "\n", "\n\n", "- a\n", "  - b\n"),
    *("1. one\n", "> said\n", "```py\nx = 1\n```\n", "```\nopen\n", "    code\n"),
    *("| a | b |\n|---|---|\n| c | d |\n", "$$\n", "\\[ x", "\\]\n", "$y$ ", "---\n"),
    *("[l]: https://b.org\n", "[l] ", "===\n", "中**文：**后\n", "- [ ] t\n", "<b>x"),
]


def test_whatever_follows_whatever_it_ends_like_drawing_once(
    library: ChatPage,
) -> None:
    chance = random.Random(20_261_121)
    documents = [
        ([chance.randrange(len(PIECES)) for _ in range(12)], chance.choice([1, 3, 11]))
        for _ in range(120)
    ]
    assert library.module("blocks", MIXED, [PIECES, documents]) == []


DEEP = 3000
NESTED = {
    "quotes": "> " * DEEP + "a",
    "lists": "- " * DEEP + "a",
    "brackets": "[" * DEEP + "a" + "](https://b.org)" * DEEP,
    "asterisks": "*" * DEEP + "a" + "*" * DEEP,
}
DEPTH = """(module, text) => {
    const root = document.createElement("div");
    new module.BlockRenderer(root).finish(text);
    let deepest = 0;
    for (let nodes = [...root.children]; nodes.length; deepest++)
        nodes = nodes.flatMap((node) => [...node.children]);
    return [deepest, root.textContent];
}"""


@pytest.mark.parametrize("name", NESTED)
def test_what_is_nested_too_deep_is_shown_as_text(library: ChatPage, name: str) -> None:
    text = f"before\n\n{NESTED[name]}\n\nafter"
    result = library.module("blocks", GROW, [text, 1500])
    depth, shown = library.module("blocks", DEPTH, text)
    assert result["same"]
    assert "a" in shown
    assert shown.startswith("before")
    assert shown.endswith("after")
    assert depth < 200
    sources = "(module, text) => module.lex(text).map(({ raw }) => raw).join('')"
    assert library.module("markdown", sources, text) == text


def test_a_text_that_cannot_be_drawn_does_not_take_the_page_with_it(
    library: ChatPage,
) -> None:
    """Whatever is wrong with it: here a token that nothing could draw."""
    tree = library.module(
        "markdown", "(module) => module.blockTree({ type: 'table', raw: '*a*' })"
    )
    assert tree == {"tag": "p", "attributes": None, "children": ["*a*"]}


def test_what_follows_an_answer_nested_too_deep_is_drawn(chat: ChatPage) -> None:
    def nest(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("NEST", deep))

    deep = NESTED["quotes"]
    chat.ask(say("NEST of quotes"))
    chat.ask(say("a later one"))
    chat.page.route("**/messages*", nest)
    chat.page.reload()
    expect(chat.page.locator(".assistant").first).to_contain_text("> > a of quotes")
    expect(chat.answer).to_contain_text("a later one")


def test_a_frame_costs_what_is_new(library: ChatPage) -> None:
    """The part that is parsed again stays small however long the answer is."""
    text = "A paragraph of some length, **bold** too.\n\n" * 200
    result = library.module("blocks", GROW, [text, 40])
    assert result["same"]
    assert result["most"] < 200


def test_a_long_answer_ends_as_if_it_were_drawn_once(chat: ChatPage) -> None:
    """20,000 characters in 4,000 pieces, through typewriter and renderer; how smooth
    that is, `bench.page_stream` tells."""
    text = page_stream.document()
    frames = chat.page.evaluate(page_stream.STREAM, [text, 4000, 1.5])
    shown, whole = chat.page.evaluate(page_stream.COMPARE, text)
    assert shown == whole
    assert whole.count("<table") >= 15
    assert whole.count('<figure class="code"') == 5
    assert "katex" in whole
    assert len(frames) > 1


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**中文：**后面", "<strong>中文：</strong>后面"),
        ("前面**“引用”**后面", "前面<strong>“引用”</strong>后面"),
        ("这是**加粗。**然后", "这是<strong>加粗。</strong>然后"),
        ("2**3 次方，**加粗", "2**3 次方，**加粗"),
        ("**bold** and *it*", "<strong>bold</strong> and <em>it</em>"),
        ("`**中：**`后", "<code>**中：**</code>后"),
        ("snake_case_name", "snake_case_name"),
        ("costs $5 and $6", "costs $5 and $6"),
        ("a\nb", "a<br>b"),
        (
            "&copy; &#35; &lt;b&gt; & &nosuch; a&b &#0;",
            "© # &lt;b&gt; &amp; &amp;nosuch; a&amp;b \ufffd",
        ),
        ("\\&lt; `&lt;` <i>", "&amp;lt; <code>&amp;lt;</code> &lt;i&gt;"),
        ("~~a~~ _b `c`_", "<del>a</del> <em>b <code>c</code></em>"),
    ],
)
def test_inline(library: ChatPage, markdown: str, html: str) -> None:
    assert library.renders(markdown).strip() == f"<p>{html}</p>"


@pytest.mark.parametrize("source", ["$x^2$", "\\(x^2\\)", "$$x^2$$", "\\[x^2\\]"])
def test_all_ways_to_write_a_formula(chat: ChatPage, source: str) -> None:
    chat.ask(say(f"so {source} 是"))
    expect(chat.answer.locator(".katex")).to_have_count(1)


def test_what_is_no_formula_stays_readable(chat: ChatPage) -> None:
    chat.ask(say("see $\\notacommand{$ here"))
    expect(chat.answer.locator(".prose").last).to_contain_text("\\notacommand{")


def test_half_characters_never_show(chat: ChatPage) -> None:
    chat.ask("emoji pace=0.001")
    assert "\ufffd" not in chat.text
    assert chat.text.strip() == chat.stored()[-1]["content"].strip()


def test_copying_gives_the_source(open_chat: Callable[..., ChatPage]) -> None:
    chat = open_chat(permissions=["clipboard-read", "clipboard-write"])
    chat.ask(say("**bold** and\n\n```py\nx = 1\n```\n"))
    read: Any = "() => navigator.clipboard.readText()"
    chat.answer.locator(".actions").get_by_role("button", name="Copy").click()
    expect(chat.page.locator("#status")).to_have_text("Copied.")
    assert chat.page.evaluate(read).startswith("**bold** and")
    chat.answer.locator("figcaption").get_by_role("button", name="Copy").click()
    settles(chat.page, "async () => (await navigator.clipboard.readText()) === 'x = 1'")
