"""Images of other sites: asked for with consent only, in a frame of their own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Request, expect

from .chat_page import ChatPage
from .test_accessibility import faults
from .test_rendering import say

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNk+M/wHwAEBgIApD5fRAAA"
    "AABJRU5ErkJggg=="
)
CAT = "![a **cat**](https://pictures.example/cat.png)"
TWO = f"See {CAT} and\n\n![](https://pictures.example/dog.png)\n"
Open = Callable[..., ChatPage]


class Site:
    """Another site, with an image at every address."""

    def __init__(self, context: BrowserContext) -> None:
        self.asked: list[Request] = []
        self.context = context
        context.route("https://*.example/**", self._answer)

    def _answer(self, route: Any) -> None:
        self.asked.append(route.request)
        route.fulfill(body=PIXEL, content_type="image/png")

    @property
    def names(self) -> list[str]:
        return [request.url.rsplit("/", 1)[-1] for request in self.asked]


@pytest.fixture
def opened(open_chat: Open) -> Iterator[Callable[[], tuple[ChatPage, Site]]]:
    sites: list[Site] = []

    def make() -> tuple[ChatPage, Site]:
        chat = open_chat("erin")
        sites.append(Site(chat.page.context))
        return chat, sites[-1]

    yield make
    for site in sites:
        site.context.unroute_all()


def images(chat: ChatPage) -> Locator:
    return chat.answer.locator(".image")


def test_one_is_shown_when_it_is_asked_for(opened: Any) -> None:
    chat, site = opened()
    chat.ask(say(TWO))
    expect(images(chat)).to_have_count(2)
    cat = images(chat).first
    expect(cat.locator(".image-words")).to_have_text("a **cat**")
    expect(cat.get_by_role("link")).to_have_text("pictures.example")
    expect(images(chat).last.locator(".image-words")).to_have_text("Image")
    assert site.asked == []

    button = cat.get_by_role("button", name="Show image: a **cat**")
    button.focus()
    chat.page.keyboard.press("Enter")
    expect(cat.locator("iframe")).to_have_attribute("sandbox", "")
    shown = cat.frame_locator("iframe").get_by_alt_text("a **cat**")
    expect(shown).to_be_visible()
    assert shown.evaluate("(image) => image.decode().then(() => image.naturalWidth)")
    assert site.names == ["cat.png"]
    headers = site.asked[0].all_headers()
    assert {"referer", "cookie"} & set(headers) == set()

    assert faults(chat.page) == []

    hide = cat.get_by_role("button", name="Hide image: a **cat**")
    expect(hide).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(cat.locator("iframe")).to_have_count(0)
    assert images(chat).last.locator("iframe").count() == 0


def test_all_are_shown_to_who_wants_that(opened: Any) -> None:
    chat, site = opened()
    wanted = "(module, on) => module.call('PATCH', '/api/settings', on)"
    chat.module("api", wanted, {"remote_images": True})
    try:
        chat.page.reload()
        chat.page.wait_for_selector("html[data-ready]")
        chat.ask(say(TWO))
        for image in images(chat).all():
            expect(image.frame_locator("iframe").locator("img")).to_be_visible()
        assert sorted(site.names) == ["cat.png", "dog.png"]
    finally:
        chat.module("api", wanted, {"remote_images": False})


GROW = """(module, text) => {
    const root = document.createElement("div");
    const renderer = new module.BlockRenderer(root);
    const seen = [];
    for (const line of text.split(/(?<=\\n)/)) {
        renderer.append(line);
        renderer.frame.flush();
        seen.push([root.querySelectorAll(".image").length,
                   root.querySelectorAll(".image button").length]);
    }
    renderer.finish(text);
    seen.push(root.querySelectorAll(".image button").length);
    return seen;
}"""


def test_they_are_offered_when_their_block_is_finished(library: ChatPage) -> None:
    text = f"a\n{CAT}\nb\n\nnext\n{CAT}"
    steps = library.module("blocks", GROW, text)
    assert steps == [[0, 0], [1, 0], [1, 0], [1, 0], [1, 1], [2, 1], 2]


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("![x](http://a.example/b.png)", '<a href="http://a.example/b.png"'),
        ("![x](https://localhost/b.png)", '<a href="https://localhost/b.png"'),
        ("![x](https://u:p@a.example/)", '<a href="https://u:p@a.example/"'),
        ("![x](/b.png)", "<p>x</p>"),
        ("![x](data:image/png;base64,AA)", "<p>x</p>"),
        (
            "[![badge](https://a.example/b.svg)](https://c.example) text",
            '">badge</a><span class="image">',
        ),
    ],
)
def test_what_stands_in_for_one(library: ChatPage, markdown: str, html: str) -> None:
    assert html in library.renders(markdown)
