"""Pictures: asked for, watched while they sharpen, stopped, kept, shown, shared."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect

from chat.engines.scripted_painter import painted, preview
from tests.workers import common_folder

from .chat_page import ChatPage
from .conftest import sign_in
from .server import Server, Wire
from .test_accessibility import faults

Open = Callable[..., ChatPage]
Contexts = Callable[..., BrowserContext]

# Each look at the page notes what is new: the previews in their order, where the box
# is, where stands what is below it, and what a screen reader is told.
WATCH = """
window.seen = {previews: [], places: [], told: []};
const note = (list, value) => list.at(-1) === value || list.push(value);
const look = () => {
  const box = [...document.querySelectorAll(".assistant .picture")].at(-1);
  const bar = [...document.querySelectorAll(".assistant .actions")].at(-1);
  const preview = box?.querySelector("img.preview");
  if (preview) note(window.seen.previews, preview.src);
  if (box && bar) {
    const place = ({x, y, width, height}) => [x, y, width, height].map(Math.round);
    const top = Math.round(bar.getBoundingClientRect().top);
    note(window.seen.places, String([...place(box.getBoundingClientRect()), top]));
  }
  const words = document.getElementById("status")?.textContent;
  if (words) note(window.seen.told, words);
};
new MutationObserver(look).observe(document, {
  subtree: true, childList: true, attributes: true, characterData: true,
});
"""


class Drawing:
    """The chat page with a model that draws, and what was seen on it."""

    def __init__(self, chat: ChatPage, model: str = "scripted-image") -> None:
        self.chat, self.page = chat, chat.page
        self.steps: list[int] = []
        self.page.add_init_script(WATCH)
        self.page.on("websocket", self._listen)
        self.page.reload()
        self.page.wait_for_selector("html[data-ready]")
        self.page.select_option("#model", model)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._heard)

    def _heard(self, frame: Any) -> None:
        said = json.loads(frame)
        if said.get("event") == "step":
            self.steps.append(said["data"]["step"])

    @property
    def seen(self) -> dict[str, list[str]]:
        seen: dict[str, list[str]] = self.page.evaluate("() => window.seen")
        return seen

    @property
    def box(self) -> Any:
        return self.chat.answer.locator(".picture")

    def wait_for_step(self, least: int) -> None:
        steps = "() => document.querySelector('.drawing-state progress')?.value >= "
        self.page.wait_for_function(steps + str(least))


@pytest.fixture
def drawing(open_chat: Open) -> Drawing:
    return Drawing(open_chat())


def is_loaded(page: Page) -> bool:
    image = page.locator("a.picture img").last
    return bool(image.evaluate("(i) => i.decode().then(() => i.naturalWidth > 0)"))


def test_a_choice_holds_while_the_list_is_on_its_way(open_chat: Open) -> None:
    chat = open_chat()
    page, held = chat.page, []
    listing = re.compile(r"/api/conversations(\?|$)")
    page.route(listing, lambda route: held.append(route))
    with page.expect_request(listing):
        page.reload()
    page.select_option("#model", "scripted-image")
    with page.expect_response(listing):
        for route in held:
            route.continue_()
    page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
    expect(page.locator("#model")).to_have_value("scripted-image")
    expect(chat.prompt).to_have_attribute("placeholder", "Describe a picture")


def test_it_sharpens_in_place(drawing: Drawing) -> None:
    chat, page = drawing.chat, drawing.page
    expect(chat.prompt).to_have_attribute("placeholder", "Describe a picture")
    page.get_by_text("Wide").click()
    chat.ask("a boat on a lake")
    expect(chat.answer.get_by_role("link", name="a boat on a lake")).to_be_visible()
    assert is_loaded(page)
    expect(page.get_by_role("status")).to_have_text("The picture is finished.")
    seen = drawing.seen
    assert len(seen["places"]) == 1, seen["places"]
    assert "The picture is being drawn." in seen["told"]
    assert seen["told"][-1] == "The picture is finished."
    assert not any("Step" in words for words in seen["told"])
    [image] = chat.stored()[-1]["images"]
    assert image["width"] > image["height"]


# All steps of one picture, as they come where nobody falls behind: what is shown after
# each, and the places of its box.
STEPS = """async ({ AssistantView }, images) => {
    const { Answer } = await import("/static/chat/answers/answer.js");
    const drawing = {width: 768, height: 512, n: 1}, steps = images.length;
    const message = {id: "m", parent: null, role: "assistant", content: "",
                     status: "running", generation: "g", drawing};
    const view = new AssistantView(message, {canGoOn: () => false});
    const answer = new Answer(), previews = [], places = new Set();
    const look = () => {
        const {x, y, width, height} = view.node.querySelector(".picture")
            .getBoundingClientRect();
        places.add(String([x, y, width, height].map(Math.round)));
    };
    const take = (event, data) => {
        answer.apply({seq: 1, event, data});
        if (!answer.finished) view.update({event, data}, answer);
        else view.finish(answer, () => {});
        look();
    };
    document.getElementById("messages").append(view.node);
    view.showGrowing();
    look();
    for (const [at, image] of images.entries()) {
        take("step", {step: at + 1, steps, image});
        previews.push(view.node.querySelector("img.preview").src);
    }
    const [id, url] = ["p", images.at(-1)];
    const picture = {id, url, thumbnail: url, width: 768, height: 512, alt: "a boat"};
    take("done", {finish_reason: "stop", images: [picture]});
    view.node.remove();
    return [previews, [...places]];
}"""


def test_each_step_is_shown_in_the_place_of_the_picture(library: ChatPage) -> None:
    whole = painted(7, 96, 64)
    images = [
        "data:image/webp;base64," + b64encode(preview(whole, step / 8)).decode()
        for step in range(1, 9)
    ]
    previews, places = library.module("messages/assistant", STEPS, images)
    assert previews == images
    [place] = places
    assert place.endswith(",512,341")


def test_a_reload_goes_on_at_the_newest_preview(drawing: Drawing) -> None:
    chat, page = drawing.chat, drawing.page
    chat.ask("pace=0 hang=5", wait=False)
    drawing.wait_for_step(5)
    before = drawing.seen
    drawing.steps.clear()
    page.reload()
    drawing.wait_for_step(5)
    assert drawing.steps == [5]
    after = drawing.seen
    assert after["previews"] == before["previews"][-1:]
    assert after["places"] == before["places"]
    # Another tab sees the same, and hears of the end.
    tab = chat.tab()
    expect(tab.answer.locator("img.preview")).to_be_visible()
    page.keyboard.press("Escape")
    expect(tab.answer.locator(".note")).to_be_visible()
    assert tab.faults() == []


def test_stop_ends_it_and_it_says_so(drawing: Drawing) -> None:
    chat, page = drawing.chat, drawing.page
    chat.ask("pace=0 hang=2", wait=False)
    drawing.wait_for_step(2)
    expect(drawing.box.get_by_text("Step 2 of 8")).to_be_visible()
    progress = drawing.box.get_by_role("progressbar", name="Progress of the picture")
    expect(progress).to_have_attribute("max", "8")
    page.get_by_role("button", name="Stop").click()
    chat.wait_for_end()
    note = chat.answer.locator(".note")
    expect(note).to_have_text("You stopped this picture before it was finished.")
    expect(drawing.box).to_have_count(0)
    assert chat.stored()[-1]["images"] == []
    page.reload()
    expect(note).to_have_text("You stopped this picture before it was finished.")


def test_it_comes_where_no_socket_opens_and_after_a_loss(
    open_chat: Open, wire: Wire
) -> None:
    wire.no_sockets = True
    drawing = Drawing(open_chat("bob"))
    drawing.chat.ask("pace=0 lost=4 a green tree")
    assert drawing.seen["places"]
    assert is_loaded(drawing.page)
    assert drawing.chat.stored()[-1]["status"] == "done"


def test_full_size_by_keyboard_and_download(drawing: Drawing) -> None:
    chat, page = drawing.chat, drawing.page
    chat.ask("pace=0 a red door")
    small = chat.answer.locator("a.picture")
    small.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Picture")
    expect(dialog.get_by_role("img")).to_have_attribute("alt", "pace=0 a red door")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    with page.expect_download() as saved:
        dialog.get_by_role("link", name="Download the picture").click()
    assert saved.value.suggested_filename.endswith(".png")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(small).to_be_focused()
    with page.expect_download():
        chat.answer.get_by_role("link", name="Download the picture").click()


def test_drawn_again_it_is_another_one(drawing: Drawing) -> None:
    chat, page = drawing.chat, drawing.page
    chat.ask("pace=0 a hill")
    first = chat.stored()[-1]["images"][0]
    chat.answer.get_by_role("button", name="Draw again").click()
    expect(chat.answer.locator(".siblings")).to_contain_text("2 of 2")
    second = chat.stored()[-1]["images"][0]
    assert first["seed"] != second["seed"]
    # Asked differently, it is a picture again, also when a text model is chosen.
    page.get_by_role("button", name="Draw a picture").click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Your question").fill("pace=0 a valley")
    page.keyboard.press("Enter")
    expect(chat.answer.get_by_role("link", name="a valley")).to_be_visible()
    # And the next question is one.
    chat.ask("n=2 pace=0")
    assert chat.text == "t0 t1"
    assert len(chat.stored()) == 4


def test_a_failure_says_what_was_kept(drawing: Drawing) -> None:
    chat = drawing.chat
    chat.ask("pace=0 fail=3")
    told = chat.answer.locator(".notice")
    expect(told).to_contain_text("The model stopped while it was drawing.")
    expect(told).to_contain_text("Your description is kept.")
    expect(told.get_by_role("button", name="Try again")).to_be_visible()
    expect(drawing.box).to_have_count(0)


def test_axe_finds_nothing(new_context: Contexts, sessions: dict[str, Any]) -> None:
    context = new_context(storage_state=sessions["dana"], locale="zh-CN")
    chat = ChatPage(context.new_page())
    chat.open()
    drawing = Drawing(chat)
    found = {"empty": faults(chat.page)}
    chat.ask("hang=3 pace=0", wait=False)
    drawing.wait_for_step(3)
    found["drawing"] = faults(chat.page)
    chat.page.click("#send")
    chat.wait_for_end()
    found["stopped"] = faults(chat.page)
    chat.ask("pace=0")
    found["finished"] = faults(chat.page)
    chat.answer.locator("a.picture").click()
    found["full size"] = faults(chat.page)
    assert {name: what for name, what in found.items() if what} == {}


def test_it_is_read_without_scripts_and_by_nobody_else(
    open_chat: Open, new_context: Contexts, sessions: dict[str, Any]
) -> None:
    drawing = Drawing(open_chat())
    chat = drawing.chat
    chat.ask("pace=0 a green field")
    path = chat.page.url.removeprefix(str(chat.page.evaluate("origin")))
    [image] = chat.stored()[-1]["images"]
    generation = chat.stored()[-1]["generation"]

    plain = new_context(storage_state=sessions["alice"], java_script_enabled=False)
    page = plain.new_page()
    page.goto(path)
    small = page.get_by_role("img", name="a green field")
    expect(small).to_have_js_property("complete", True)
    small.click()
    page.wait_for_url(f"**{image['url']}")

    bobs = new_context(storage_state=sessions["bob"]).request
    theirs = (image["url"], image["thumbnail"], f"/api/generations/{generation}/stream")
    for address in theirs:
        assert bobs.get(address).status == 404, address
        assert new_context().request.get(address).status in (401, 403), address


def test_a_shared_copy_shows_it_until_it_is_revoked(
    open_chat: Open, new_context: Contexts
) -> None:
    drawing = Drawing(open_chat("erin"))
    chat = drawing.chat
    chat.ask("pace=0 a blue bird")
    call = "(module, [method, url]) => module.call(method, url)"
    share = chat.module(
        "api", call, ["POST", f"/api/conversations/{chat.conversation}/share"]
    )
    page = new_context().new_page()
    reader = ChatPage(page)
    page.goto(share["url"])
    image = page.get_by_role("img", name="a blue bird")
    expect(image).to_be_visible()
    assert is_loaded(page)
    address = page.locator("a.picture").get_attribute("href")
    assert page.request.get(str(address)).ok
    assert reader.faults() == []
    assert faults(page) == []
    chat.module("api", call, ["DELETE", f"/api/shares/{share['id']}"])
    assert page.request.get(str(address)).status == 404


@pytest.fixture
def painter(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that really draws: a tiny pipeline, in few pixels and steps. Of each
    user one answer at a time: others wait until a test lets them."""
    static = common_folder(tmp_path_factory) / "static"
    bounds = {"CHAT_IMAGE_MAX_PIXELS": "65536", "CHAT_IMAGE_MAX_STEPS": "40"}
    server = Server(
        tmp_path,
        STATIC_ROOT=str(static),
        CHAT_IMAGE_MODEL="demo",
        CHAT_USER_CONCURRENCY="1",
        **bounds,
    )
    server.prepare()
    server.start()
    yield server.url
    server.stop()


# An answer that is being written until it is stopped.
BEGIN = """async ({ask}) => {
    const question = {url: "/api/chat/stream", body: {prompt: "hang=0"}};
    return (await ask(question, new AbortController().signal, () => {})).generation;
}"""


@pytest.mark.timeout(900)  # torch is imported, and gives way to all others
def test_a_real_pipeline_draws_it(browser: Browser, painter: str) -> None:
    context = browser.new_context(base_url=painter, locale="en-US")
    context.set_default_timeout(120_000)
    page = context.new_page()
    sign_in(page, "alice")
    page.wait_for_selector("html[data-ready]")
    drawing = Drawing(ChatPage(page), "demo-image")
    # It waits its turn until the page surely follows.
    first = drawing.chat.module("connection/ask", BEGIN)
    drawing.chat.ask("a panda", wait=False)
    expect(drawing.box.get_by_text("Waiting: place 1 in the queue.")).to_be_visible()
    drawing.chat.module("api", "(module, id) => module.generations.stop(id)", first)
    drawing.chat.wait_for_end(600)
    seen = drawing.seen
    assert len(set(seen["previews"])) >= 2, "how many come is a matter of speed"
    assert len(seen["places"]) == 1, seen["places"]
    assert is_loaded(page)
    [image] = drawing.chat.stored()[-1]["images"]
    assert (image["width"], image["height"]) == (256, 256)
    assert drawing.chat.faults() == []
    context.close()
