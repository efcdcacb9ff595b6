"""The chat page, as a reader uses it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    window.newestSocket = this;
  }
};
"""
IS_LIVE = "() => window.newestSocket?.readyState === WebSocket.OPEN"
SHOWS_MORE = """(than) => {
  const answers = document.querySelectorAll(".assistant > .prose");
  return answers[answers.length - 1].innerText.length > than;
}"""
# Three minutes: no test sees its end by itself, however slow the machine; `stop` it.
LONG = "n=4000 pace=0.05"
# What Chromium says about a request that the test itself made fail.
EXPECTED = ("Failed to load resource", "WebSocket connection to")


SETTLES = """async (argument) => {
    for (let tries = 0; !(await (LOOK)(argument)); tries += 1) {
        if (tries === 1200) throw new Error("not within a minute");
        await new Promise((done) => setTimeout(done, 50));
    }
}"""


def settles(page: Page, look: str, argument: Any = None) -> None:
    """Wait until this async function gives something true: to `wait_for_function` its
    promise would be true at once."""
    page.evaluate(SETTLES.replace("LOOK", look), argument)


class ChatPage:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.add_init_script(WATCH)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            self.errors.append(message.text)

    def faults(self) -> list[str]:
        return self.errors + list(self.page.evaluate("() => window.violations"))

    def open(self, path: str = "/") -> None:
        self.page.goto(path)
        self.page.wait_for_selector("html[data-ready]")

    def tab(self, path: str | None = None) -> ChatPage:
        """Another tab of the same browser, by default on the same address."""
        tab = ChatPage(self.page.context.new_page())
        tab.open(path or self.page.url)
        return tab

    @property
    def prompt(self) -> Locator:
        return self.page.locator("#prompt")

    @property
    def answer(self) -> Locator:
        """The last answer."""
        return self.page.locator(".assistant").last

    @property
    def text(self) -> str:
        return self.answer.locator("> .prose").inner_text()

    @property
    def connection(self) -> Locator:
        """The line that says how the connection is."""
        return self.page.locator("#connection")

    def type(self, text: str) -> None:
        self.prompt.fill(text)

    def ask(self, text: str, *, wait: bool = True) -> None:
        """Send it; wait for the end of the answer, or only for its begin."""
        before = self.page.locator(".assistant").count()
        self.type(text)
        self.prompt.press("Enter")
        expect(self.page.locator(".assistant")).to_have_count(before + 1)
        if wait:
            self.wait_for_end()

    def wait_for_end(self, seconds: float = 60) -> None:
        self.page.wait_for_selector("body:not(.answering)", timeout=seconds * 1000)

    def wait_for_text(self, text: str) -> None:
        self.answer.locator("> .prose").get_by_text(text).first.wait_for()

    def wait_for_more(self) -> None:
        """Until more of the answer is shown than now."""
        self.page.wait_for_function(SHOWS_MORE, arg=len(self.text))

    def wait_until_live(self) -> None:
        """Until news come by themselves."""
        self.page.wait_for_function(IS_LIVE)

    def stop(self) -> None:
        """Stop the answer, as a reader does; wait for its end."""
        self.page.keyboard.press("Escape")
        self.wait_for_end()

    @property
    def conversation(self) -> str:
        return self.page.url.rstrip("/").rsplit("/", 1)[-1]

    def api(self, path: str) -> Any:
        # A connection that was kept may be closed by now, or cut by the test.
        response = self.page.request.get(f"/api{path}", max_retries=3)
        assert response.ok, response.status
        return response.json()

    def stored(self) -> list[dict[str, Any]]:
        """The messages of the open conversation, as the server has them."""
        messages = self.api(f"/conversations/{self.conversation}/messages")["items"]
        return list(messages)

    def module(self, name: str, body: str, argument: Any = None) -> Any:
        """Run `body`, a function of (module, argument), on one of our modules."""
        source = f"""async (argument) => {{
            const module = await import("/static/chat/{name}.js");
            return ({body})(module, argument);
        }}"""
        return self.page.evaluate(source, argument)

    def renders(self, markdown: str) -> str:
        """The HTML that a finished answer of this text would show."""
        body = """(module, text) => {
            const root = document.createElement("div");
            new module.BlockRenderer(root).finish(text);
            return root.innerHTML;
        }"""
        return str(self.module("blocks", body, markdown))


def words(count: int) -> str:
    """What the scripted engine says when nothing else is asked for."""
    return " ".join(f"t{number}" for number in range(count))
