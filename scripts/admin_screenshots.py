"""The pictures of the administration. `python -m scripts.admin_screenshots` takes
these alone."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.screenshots import DESKTOP, PHONE, site, take

STAFF = "dana"
REASON = "Complaint of 3 May, number 17"


def fill() -> None:
    """Flags, a rating, a note's author, and answers that are being written."""
    # Models can be imported only after `django.setup`.
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from chat import review  # noqa: PLC0415
    from chat.models import (  # noqa: PLC0415
        Conversation,
        Feedback,
        Flag,
        Generation,
        Message,
    )

    User.objects.filter(username=STAFF).update(is_staff=True, is_superuser=True)
    erin, dana = (User.objects.get(username=name) for name in ("erin", STAFF))
    rows = list(Conversation.objects.order_by("-updated"))
    Conversation.objects.filter(pk__in=[row.pk for row in rows[2::3]]).update(
        owner=dana
    )
    review.flag([rows[0]], by=erin, reason="The second half sounds wrong.")
    review.flag([rows[1]], source="guard", reason="A telephone number was masked.")
    review.flag(rows[3:4], by=erin)
    review.decide(Flag.objects.filter(conversation=rows[3]), "dismissed", dana)
    answer = Message.objects.get(pk=rows[0].leaf_id)
    Feedback.objects.create(message=answer, rating=-1, comment="Too long for me.")
    for place, status in enumerate(("running", "running", "queued")):
        asked = timezone.now() - timedelta(seconds=70 - 25 * place)
        row = rows[place + 2]
        written = Message.objects.create(
            conversation=row, role="assistant", status=status
        )
        Generation.objects.create(
            user=row.owner,
            conversation=row,
            message=written,
            model="scripted",
            status=status,
            attempt=status == "running",
            owner="web-1" if status == "running" else "",
            lease_until=asked + timedelta(hours=1),
            created=asked,
        )


def signed_in(browser: Browser, url: str, **options: Any) -> Page:
    page = browser.new_context(
        base_url=url, device_scale_factor=1, **options
    ).new_page()
    page.goto("/admin/login/")
    page.fill("#id_username", STAFF)
    page.fill("#id_password", f"{STAFF}-password")
    page.click("input[type=submit]")
    return page


def explain(page: Page) -> None:
    page.fill("#id_reason", REASON)
    page.click(".reason input[type=submit]")


def administration(browser: Browser, url: str) -> None:
    fill()
    desktop = {"viewport": DESKTOP, "locale": "en-US"}
    page = signed_in(browser, url, **desktop)
    page.goto("/admin/chat/conversation/")
    page.click(".hidden-contents a")
    take(page, "admin-reason")
    explain(page)
    take(page, "admin")
    page.click("text=Fibonacci, fast")
    explain(page)
    page.fill("#note-text", "Checked: the second half is right.")
    page.click(".notes button")
    talk = page.url
    page.goto(talk)
    take(page, "admin-transcript")
    page.goto("/admin/chat/generation/live/")
    take(page, "admin-live")
    page.goto("/admin/chat/auditentry/")
    take(page, "admin-audit")
    page = signed_in(browser, url, viewport=PHONE, locale="en-US")
    page.goto(talk)
    take(page, "admin-phone")
    page = signed_in(browser, url, color_scheme="dark", **desktop)
    page.goto(talk)
    take(page, "admin-dark")
    page = signed_in(browser, url, viewport=DESKTOP, locale="zh-CN")
    page.goto("/admin/chat/conversation/")
    take(page, "admin-chinese")


def main() -> None:
    with site() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        administration(browser, f"http://127.0.0.1:{server.port}")
        browser.close()


if __name__ == "__main__":
    main()
