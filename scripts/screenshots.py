"""`make screenshots`: the pictures of README and documentation, taken from a server
that was just set up, with conversations that are written here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.lighthouse import lighthouse
from tests.browser.chromium import installed_chromium
from tests.browser.server import Server
from tests.processes import output

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
TEXTS = ROOT / "docs" / "screenshots"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
THOUGHTS = (
    "The plain recursion computes the same values again and again, so I should show "
    "how to remember them. A table makes the difference clear; the closed form may be "
    "of interest too."
)
DESCRIPTION = (
    "A lighthouse on a cliff at dusk, the sun low over a calm sea, flat colours, "
    "its beam reaching far out over the water"
)
PROVIDER = {
    "OIDC_ISSUER": "https://id.example.org",
    "OIDC_CLIENT_ID": "chatsite",
    "OIDC_NAME": "The School",
}
TITLES = (
    "Reminder for tomorrow’s meeting",
    "Why is the sky blue?",
    "给新同事的欢迎信",
    "Regular expressions, gently",
    "A week of dinners",
)


@contextmanager
def site() -> Iterator[Server]:
    """A server of its own, with Alice's conversations in it."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), **PROVIDER)
        server.prepare()
        # With the admin's files, which the tests leave out.
        output("manage.py", "collectstatic", "--no-input", "-v0", env=server.env)
        os.environ.update(server.env, DJANGO_ALLOW_ASYNC_UNSAFE="1")
        django.setup()
        write()
        server.start()
        yield server
        server.stop()


def write() -> None:
    """The conversations that the pictures show."""
    # Models can be imported only after `django.setup`.
    from django.contrib.auth.models import User  # noqa: PLC0415

    alice = User.objects.get(username="alice")
    for days, title in enumerate(TITLES, 1):
        answered(alice, title, title, "…", days=days * 2)
    answered(alice, "怎样泡龙井茶？", "怎样泡龙井茶？", text_of("tea"), days=1)
    answered(
        alice,
        "Fibonacci, fast",
        "My recursive Fibonacci function is slow. Why, and what helps?",
        text_of("fibonacci"),
        reasoning=THOUGHTS,
    )
    answer = answered(alice, "A lighthouse at dusk", DESCRIPTION, "")
    draw(alice, answer)


def draw(user: Any, answer: Any) -> None:
    """Its picture, as if a model had drawn it."""
    from chat.engines.base import Drawn  # noqa: PLC0415
    from chat.models import Generation  # noqa: PLC0415
    from chat.pictures import keeping  # noqa: PLC0415

    size = (768, 512)
    params = {"n": 1, "size": size, "seed": 20261122}
    jobs = Generation.objects.filter(message=answer)
    jobs.update(params=params, model="scripted-image")
    out = BytesIO()
    lighthouse(*size).save(out, "PNG")
    drawn = Drawn(out.getvalue(), "image/png", *size)
    [kept] = keeping.prepared(jobs.get(), [drawn])
    keeping.write(kept.contents)
    kept.row.save()


def text_of(name: str) -> str:
    return (TEXTS / f"{name}.md").read_text()


def answered(
    user: Any, title: str, prompt: str, text: str, *, days: int = 0, reasoning: str = ""
) -> Any:
    """The answer."""
    from django.utils import timezone  # noqa: PLC0415

    from chat.models import Conversation, Generation, Message  # noqa: PLC0415

    now = timezone.now() - timedelta(days=days)
    conversation = Conversation.objects.create(
        owner=user, title=title, model="scripted", updated=now
    )
    question = Message.objects.create(
        conversation=conversation, role="user", content=prompt
    )
    answer = Message.objects.create(
        conversation=conversation,
        parent=question,
        role="assistant",
        content=text,
        reasoning=reasoning,
    )
    Generation.objects.create(
        user=user,
        conversation=conversation,
        message=answer,
        model="scripted",
        status="done",
        finish_reason="stop",
        prompt_tokens=24,
        completion_tokens=186,
        started=now,
        first_token=now + timedelta(milliseconds=180),
        finished=now + timedelta(seconds=5),
    )
    Conversation.objects.filter(pk=conversation.pk).update(leaf=answer, updated=now)
    return answer


def signed_in(browser: Browser, url: str, **options: Any) -> Page:
    page = browser.new_context(
        base_url=url, device_scale_factor=1, **options
    ).new_page()
    page.goto("/accounts/login/")
    page.fill("#id_username", "alice")
    page.fill("#id_password", "alice-password")
    page.click("main button[type=submit]")
    page.wait_for_selector("html[data-ready]")
    return page


def open_chat(page: Page, title: str) -> None:
    href = page.locator("#sidebar a", has_text=title).first.get_attribute("href")
    page.goto(href or "/")
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(1000)  # formulas and colours come a moment later


def take(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png")


def desktop(browser: Browser, url: str) -> None:
    page = signed_in(browser, url, viewport=DESKTOP, locale="en-US")
    take(page, "chat-empty")
    open_chat(page, "Fibonacci")
    take(page, "chat-desktop")
    page.locator("details.reasoning summary").first.click()
    page.locator("#scroller").evaluate("(node) => (node.scrollTop = 0)")
    take(page, "chat-reasoning")
    open_chat(page, "lighthouse")
    page.select_option("#model", "scripted-image")
    take(page, "chat-picture")
    page.goto("/settings/")
    page.wait_for_timeout(500)
    take(page, "settings")


def signing_in(browser: Browser, url: str) -> None:
    phone: Any = {"base_url": url, "viewport": PHONE, "locale": "en-US"}
    page = browser.new_context(**phone).new_page()
    page.goto("/accounts/login/")
    take(page, "sign-in")
    dark: Any = {"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"}
    page = signed_in(browser, url, **dark)
    page.goto("/accounts/2fa/totp/activate/")
    page.fill("#id_password", "alice-password")
    page.keyboard.press("Enter")
    page.wait_for_selector(".qr")
    take(page, "two-factor")


def main() -> None:
    with site() as server, sync_playwright() as playwright:
        url = f"http://127.0.0.1:{server.port}"
        browser = playwright.chromium.launch(executable_path=installed_chromium())
        desktop(browser, url)
        page = signed_in(browser, url, viewport=PHONE, locale="en-US")
        open_chat(page, "Fibonacci")
        take(page, "chat-phone")
        dark = {"viewport": DESKTOP, "color_scheme": "dark", "locale": "en-US"}
        page = signed_in(browser, url, **dark)
        open_chat(page, "Fibonacci")
        take(page, "chat-dark")
        page = signed_in(browser, url, viewport=DESKTOP, locale="zh-CN")
        open_chat(page, "龙井")
        take(page, "chat-chinese")
        signing_in(browser, url)
        browser.close()


if __name__ == "__main__":
    main()
