"""A browser, a server, and people who are signed in.

The server is a process: nothing here touches the test database or needs its event
loop. Playwright's loop runs in this thread while the package's tests run, so these
fixtures end with the package.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from .chat_page import ChatPage
from .server import PEOPLE, Server, Wire


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("browser"))
    server.prepare()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def _wire(server: Server) -> Iterator[Wire]:
    wire = Wire(server.port)
    yield wire
    wire.close()


@pytest.fixture
def wire(_wire: Wire) -> Iterator[Wire]:
    _wire.reset()
    yield _wire
    _wire.reset()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def sessions(browser: Browser, _wire: Wire) -> dict[str, Any]:
    """The cookies of everybody, signed in once."""
    states: dict[str, Any] = {}
    for name in PEOPLE:
        context = browser.new_context(base_url=_wire.url)
        page = context.new_page()
        sign_in(page, name)
        states[name] = context.storage_state()
        context.close()
    return states


def sign_in(page: Page, name: str, password: str | None = None) -> None:
    page.goto("/accounts/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", password or f"{name}-password")
    page.click("main button[type=submit]")


@pytest.fixture
def new_context(
    browser: Browser, wire: Wire
) -> Iterator[Callable[..., BrowserContext]]:
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        options = {"locale": "en-US", **options}
        context = browser.new_context(base_url=wire.url, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def open_chat(
    new_context: Callable[..., BrowserContext], sessions: dict[str, Any]
) -> Iterator[Callable[..., ChatPage]]:
    """Open the chat page as somebody. At the end no page may have had a fault."""
    chats: list[ChatPage] = []

    def make(name: str = "alice", path: str = "/", **options: Any) -> ChatPage:
        context = new_context(storage_state=sessions[name], **options)
        chat = ChatPage(context.new_page())
        chats.append(chat)
        chat.open(path)
        return chat

    yield make
    for chat in chats:
        assert chat.faults() == []


@pytest.fixture(scope="package")
def library(
    browser: Browser, _wire: Wire, sessions: dict[str, Any]
) -> Iterator[ChatPage]:
    """One page for all tests that only call its modules."""
    context = browser.new_context(base_url=_wire.url, storage_state=sessions["alice"])
    page = ChatPage(context.new_page())
    page.open()
    yield page
    assert page.faults() == []
    context.close()


@pytest.fixture
def chat(open_chat: Callable[..., ChatPage]) -> ChatPage:
    return open_chat()
