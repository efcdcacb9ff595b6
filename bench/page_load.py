"""`python -m bench.page_load`: what the chat page costs to open, with 200 messages in
the conversation: bytes over the wire into an empty cache, largest contentful paint,
layout shift. A server of its own, Chromium, the loopback."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import installed_chromium
from tests.browser.server import Server

from .table import percentile, table

MESSAGES = 200
RUNS = 5
OBSERVE = """
window.seen = {paint: 0, shift: 0};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.seen.paint = entry.startTime;
}).observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput) window.seen.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""
TEXT = """The answer has **some** structure:

- a list
- of `things`

```python
print("and code")
```

| a | b |
|---|---|
| 1 | 2 |

数字和中文也在其中。"""


def write() -> str:
    """Alice's conversation of `MESSAGES` messages; its id."""
    # Models can be imported only after `django.setup`.
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from chat.models import Conversation, Message  # noqa: PLC0415

    alice = User.objects.get(username="alice")
    conversation = Conversation.objects.create(
        owner=alice, title="Long", model="scripted", updated=timezone.now()
    )
    last: Any = None
    for number in range(MESSAGES):
        role = "assistant" if number % 2 else "user"
        text = TEXT if number % 2 else f"Question {number // 2}?"
        last = Message.objects.create(
            conversation=conversation, parent=last, role=role, content=text
        )
    Conversation.objects.filter(pk=conversation.pk).update(leaf=last)
    return str(conversation.pk)


def visit(browser: Browser, url: str, path: str) -> tuple[int, float, float]:
    """Bytes, milliseconds to the largest paint, layout shift."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("#id_username", "alice")
    page.fill("#id_password", "alice-password")
    page.click("main button[type=submit]")
    page.wait_for_selector("html[data-ready]")
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received = 0

    def count(event: dict[str, Any]) -> None:
        nonlocal received
        received += int(event["encodedDataLength"])

    devtools.on("Network.loadingFinished", count)
    page.add_init_script(OBSERVE)
    page.goto(path)
    page.wait_for_selector("html[data-ready]")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    seen = page.evaluate("() => window.seen")
    context.close()
    return received, seen["paint"], seen["shift"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        server.prepare()
        os.environ.update(server.env, DJANGO_ALLOW_ASYNC_UNSAFE="1")
        django.setup()
        path = f"/c/{write()}/"
        server.start()
        browser = playwright.chromium.launch(executable_path=installed_chromium())
        url = f"http://127.0.0.1:{server.port}"
        seen = [visit(browser, url, path) for _ in range(RUNS)]
        browser.close()
        server.stop()
    sizes, paints, shifts = zip(*seen, strict=True)
    head = ("runs", "KB received", "LCP p50 ms", "LCP worst ms", "layout shift")
    row = (
        RUNS,
        round(max(sizes) / 1024),
        round(percentile(paints, 0.5)),
        round(max(paints)),
        round(max(shifts), 4),
    )
    print(table(head, [row]))


if __name__ == "__main__":
    main()
