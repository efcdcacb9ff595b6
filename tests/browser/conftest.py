"""A browser, a server, and people who are signed in.

The server is a process: nothing here touches the test database or needs its event
loop. Playwright's loop runs in this thread while the package's tests run, so these
fixtures end with the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)

from tests.workers import common_folder

from .chat_page import ChatPage
from .chromium import installed_chromium
from .server import PEOPLE, Server, Wire

PATIENCE = 60_000  # milliseconds; a shared machine stands still for seconds at a time
expect.set_options(timeout=PATIENCE)
# Chromium builds these for every window, and no test looks at its address bar: a
# third of the processor time. The others are what Playwright itself switches off.
UNUSED = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "HttpsUpgrades", "PaintHolding"),
    *("MediaRouter", "OptimizationHints", "ThirdPartyStoragePartitioning"),
)

# To start a process and to compile our scripts there is a third of opening a page.
ONE_PROCESS = "--renderer-process-limit=1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The time of a test is its own: the first one here also has to wait until there
    is a database, its files, a server and a browser, which have limits of their own."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(func_only=True))


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("browser"),
        STATIC_ROOT=str(common_folder(tmp_path_factory) / "static"),
    )
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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=installed_chromium(),
            args=[f"--disable-features={','.join(UNUSED)}", ONE_PROCESS],
            timeout=PATIENCE,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def sessions(browser: Browser, _wire: Wire) -> dict[str, Any]:
    """The cookies of everybody, signed in once and without a page."""
    states: dict[str, Any] = {}
    for name in PEOPLE:
        context = browser.new_context(base_url=_wire.url)
        context.set_default_timeout(PATIENCE)
        context.request.get("/accounts/login/")
        [token] = [c["value"] for c in context.cookies() if c["name"] == "csrftoken"]
        form = {"username": name, "password": f"{name}-password"}
        answer = context.request.post(
            "/accounts/login/", form={**form, "csrfmiddlewaretoken": token}
        )
        assert answer.url == f"{_wire.url}/", answer.url
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
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="package")
def kept(
    browser: Browser, _wire: Wire, sessions: dict[str, Any]
) -> dict[str, BrowserContext]:
    """Everybody's own, which has our files in its cache; and a page that is never
    closed, whose process is also that of the others."""
    found = {}
    for name in PEOPLE:
        found[name] = browser.new_context(
            base_url=_wire.url, locale="en-US", storage_state=sessions[name]
        )
        found[name].set_default_timeout(PATIENCE)
        found[name].new_page().goto("/static/chat/icon.svg")
    return found


@pytest.fixture
def their_context(
    new_context: Callable[..., BrowserContext],
    kept: dict[str, BrowserContext],
    sessions: dict[str, Any],
    wire: Wire,
) -> Iterator[Callable[..., BrowserContext]]:
    """Somebody's browser, as new but for its cache. A second one is really new."""
    used: dict[str, BrowserContext] = {}

    def give(name: str, **options: Any) -> BrowserContext:
        if options or name in used:
            return new_context(storage_state=sessions[name], **options)
        used[name] = kept[name]
        return used[name]

    yield give
    for name, context in used.items():
        for page in context.pages[1:]:
            close(page, wire.url)
        context.set_offline(False)
        context.clear_permissions()
        context.clear_cookies()
        context.add_cookies(sessions[name]["cookies"])


def close(page: Page, url: str) -> None:
    """And forget what it stored."""
    what = {"origin": url, "storageTypes": "local_storage,indexeddb"}
    page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", what)
    page.close()


@pytest.fixture
def open_chat(
    their_context: Callable[..., BrowserContext],
) -> Iterator[Callable[..., ChatPage]]:
    """Open the chat page as somebody. At the end no page may have had a fault."""
    chats: list[ChatPage] = []

    def make(name: str = "alice", path: str = "/", **options: Any) -> ChatPage:
        chat = ChatPage(their_context(name, **options).new_page())
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
    context.set_default_timeout(PATIENCE)
    page = ChatPage(context.new_page())
    page.open()
    yield page
    assert page.faults() == []
    context.close()


@pytest.fixture
def chat(open_chat: Callable[..., ChatPage]) -> ChatPage:
    return open_chat()
