"""The settings page in a browser: kept at once, shown at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .chat_page import ChatPage, settles

KEY = re.compile(r"^cs-[\w-]{40,}$")
Open = Callable[..., ChatPage]
USUAL = {
    "language": "en",
    "theme": "system",
    "typewriter": "smooth",
    "typewriter_speed": 40,
    "remote_images": False,
}


@pytest.fixture
def opened(
    open_chat: Open,
    new_context: Callable[..., BrowserContext],
    sessions: dict[str, Any],
) -> Iterator[Open]:
    """Bob's settings; afterwards they are what they were."""

    def make(**options: Any) -> ChatPage:
        return open_chat("bob", "/settings/", **options)

    yield make
    cookies = {each["name"]: each["value"] for each in sessions["bob"]["cookies"]}
    api = new_context(storage_state=sessions["bob"]).request
    headers = {"X-CSRFToken": cookies["csrftoken"]}
    for row in api.get("/api/keys").json()["items"]:
        assert api.delete(f"/api/keys/{row['id']}", headers=headers).ok
    assert api.patch("/api/settings", headers=headers, data=USUAL).ok


def background(page: Page) -> str:
    script = "() => getComputedStyle(document.body).backgroundColor"
    return str(page.evaluate(script))


def test_the_chat_leads_there_and_back(open_chat: Open) -> None:
    chat = open_chat("bob")
    chat.page.get_by_role("link", name="Settings").click()
    expect(chat.page.get_by_role("heading", name="Settings")).to_be_visible()
    chat.page.get_by_role("link", name="Back to the chat").click()
    expect(chat.prompt).to_be_visible()


def test_a_theme_applies_at_once_and_everywhere(opened: Open) -> None:
    page = opened(color_scheme="light").page
    light = background(page)
    page.get_by_label("Dark").check()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    dark = background(page)
    assert light != dark

    other = opened(color_scheme="light").page
    assert background(other) == dark
    other.get_by_label("Light").check()
    expect(other.get_by_role("status")).to_have_text("Saved.")
    assert background(other) == light

    page.reload()
    assert background(page) == light
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.context.clear_cookies(name="sessionid")
    page.goto("/accounts/login/")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_as_the_system_follows_it(opened: Open) -> None:
    page = opened(color_scheme="dark").page
    dark = background(page)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "(dark) => getComputedStyle(document.body).backgroundColor !== dark", arg=dark
    )


def test_a_language_applies_at_once(opened: Open) -> None:
    page = opened().page
    page.get_by_label("简体中文").check()
    expect(page.get_by_role("heading", name="设置")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_label("English").check()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_reading_is_kept(opened: Open) -> None:
    chat = opened()
    speed = chat.page.get_by_label("Characters per second")
    expect(speed).to_be_hidden()
    chat.page.get_by_label("At a fixed speed").check()
    speed.fill("90")
    speed.press("Tab")
    chat.page.get_by_label("Load images").check()
    expect(chat.page.get_by_role("status")).to_have_text("Saved.")
    settles(
        chat.page,
        """async () => {
        const kept = await (await fetch("/api/settings")).json();
        return kept.typewriter === "fixed" && kept.typewriter_speed === 90
            && kept.remote_images === true;
    }""",
    )


def test_a_wrong_number_is_not_kept(opened: Open) -> None:
    chat = opened()
    chat.page.get_by_label("At a fixed speed").check()
    speed = chat.page.get_by_label("Characters per second")
    speed.fill("9999")
    speed.press("Tab")
    assert chat.page.evaluate(
        "() => !document.querySelector('#preferences').checkValidity()"
    )
    assert chat.api("/settings")["typewriter_speed"] == 40


def test_a_failure_is_said_and_can_be_tried_again(opened: Open) -> None:
    page = opened().page
    page.route("**/api/settings", lambda route: route.abort())
    page.get_by_label("Dark").check()
    expect(page.locator("#notice")).to_contain_text("cannot be reached")
    page.unroute("**/api/settings")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.locator("#notice")).to_be_empty()


def test_a_key_from_the_keyboard(opened: Open) -> None:
    """Made, copied, used, and revoked after a question."""
    chat = opened()
    page = chat.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Make a key").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("robot")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # no chat
    page.keyboard.press("Enter")

    field = page.get_by_label("The new key, robot.")
    expect(field).to_be_focused()
    key = field.input_value()
    assert KEY.match(key)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("() => navigator.clipboard.readText()") == key
    [row] = chat.api("/keys")["items"]
    assert (row["name"], row["scopes"]) == ("robot", ["read"])

    page.reload()
    expect(page.locator(".keys li")).to_have_count(1)
    expect(page.locator("[data-new-key]")).to_have_count(0)

    page.get_by_role("button", name="Revoke robot").press("Enter")
    dialog = page.get_by_role("dialog")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator(".keys li")).to_have_count(1)
    page.get_by_role("button", name="Revoke robot").press("Enter")
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("You have no keys.")).to_be_visible()


def test_everything_is_exported_and_comes_back(open_chat: Open, opened: Open) -> None:
    open_chat("bob").ask("pace=0 n=3")
    page = opened().page
    with page.expect_download() as download:
        page.get_by_role("link", name="Export everything").click()
    path = download.value.path()
    assert json.loads(path.read_text())["account"]["username"] == "bob"

    field = page.get_by_label("Bring conversations")
    field.set_input_files(path)
    result = page.locator("#import-result")
    expect(result).to_contain_text("Conversations imported: 0. Already here: ")
    broken = {"name": "x.json", "mimeType": "application/json", "buffer": b"{"}
    field.set_input_files(broken)
    expect(result.get_by_role("group", name="Problem")).to_be_visible()


def test_a_phone_shows_all_of_it(opened: Open) -> None:
    page = opened(viewport={"width": 390, "height": 844}).page
    page.get_by_text("Make a key").first.click()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_without_scripts_the_forms_do_it(
    new_context: Callable[..., BrowserContext], sessions: dict[str, Any], opened: Open
) -> None:
    context = new_context(storage_state=sessions["bob"], java_script_enabled=False)
    page = context.new_page()
    page.goto("/settings/")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".told")).to_have_text("Saved.")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_text("Make a key").first.click()
    page.get_by_label("What is it for?").fill("plain")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("[data-new-key]")).to_have_value(KEY)
    page.get_by_role("button", name="Revoke plain").click()
    expect(page.locator(".told")).to_contain_text("was revoked")


def test_leaving_asks_for_the_password_and_says_goodbye(
    new_context: Callable[..., BrowserContext], sessions: dict[str, Any]
) -> None:
    page = new_context(storage_state=sessions["erin"]).new_page()
    page.goto("/")
    page.evaluate("() => sessionStorage.setItem('draft', 'secret')")
    page.goto("/settings/")
    page.get_by_role("link", name="Delete my account").click()
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.locator(".field-error")).to_have_text("This is not your password.")
    page.get_by_label("Your password").fill("erin-password")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('draft')") is None
    page.goto("/")
    expect(page.get_by_label("Password")).to_be_visible()
