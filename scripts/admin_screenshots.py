"""The pictures of the administration. `python -m scripts.admin_screenshots` takes
these alone, with `guard` behind it those of the guard."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from math import pi, sin
from random import Random
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.guard_samples import guard
from scripts.screenshots import DESKTOP, PHONE, site, take
from tests.browser.chromium import installed_chromium

STAFF = "dana"
REASON = "Complaint of 3 May, number 17"


def staff() -> None:
    # Models can be imported only after `django.setup`.
    from django.contrib.auth.models import User  # noqa: PLC0415

    User.objects.filter(username=STAFF).update(is_staff=True, is_superuser=True)


def fill() -> int:
    """Flags, a rating, a note's author, and answers that are being written."""
    # Models can be imported only after `django.setup`.
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from chat.models import (  # noqa: PLC0415
        Conversation,
        Feedback,
        Flag,
        Generation,
        Message,
    )
    from chat.privacy import holds, review  # noqa: PLC0415

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
    holds.place(dana, "File 17 of the district court", user=erin)
    holds.place(dana, "Complaint of 3 May, number 17", conversation=rows[2])
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
    return int(erin.pk)


def count() -> None:
    """A month of hours, and what people used on its days."""
    from django.contrib.auth.models import Group, User  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from chat.limits import usage  # noqa: PLC0415
    from chat.models import Traffic, Usage  # noqa: PLC0415
    from chat.reports import traffic  # noqa: PLC0415

    chance = Random(4)
    now = traffic.hour_of(timezone.now())
    Traffic.objects.all().delete()
    rows = []
    for back in range(24 * 30):
        hour = now - back
        busy = 1 + sin((hour % 24 - 8) * pi / 12) + chance.random()
        done = round(40 * busy)
        rows += [
            Traffic(hour=hour, kind=kind, name=name, amount=round(amount))
            for kind, name, amount in (
                ("status", "done", done),
                ("status", "stopped", done / 12),
                ("status", "failed", done / 40),
                ("error", "engine_failed", done / 60),
                ("error", "generation_timeout", done / 90),
                ("prompt", "qwen3-8b", 900 * done),
                ("prompt", "qwen3-0.6b", 500 * done),
                ("completion", "qwen3-8b", 1700 * done),
                ("completion", "qwen3-0.6b", 600 * done * chance.random()),
            )
            if round(amount)
        ]
        for kind, middle in (("queue", 30), ("first", 64), ("total", 96)):
            found = Counter(
                round(chance.gauss(middle + 3 * busy, 5)) for _ in range(done)
            )
            rows += [
                Traffic(hour=hour, kind=kind, name=str(name), amount=amount)
                for name, amount in found.items()
            ]
    Traffic.objects.bulk_create(rows)
    for name, people in (("Research", ("alice", "erin")), ("School", ("bob",))):
        group = Group.objects.create(name=name)
        group.user_set.set(User.objects.filter(username__in=people))
    Usage.objects.all().delete()
    Usage.objects.bulk_create(
        Usage(
            user=user,
            day=usage.today() - timedelta(days=back),
            model=model,
            source="web",
            requests=chance.randrange(1, 60),
            prompt_tokens=chance.randrange(20_000),
            completion_tokens=chance.randrange(40_000),
        )
        for user in User.objects.all()
        for back in range(30)
        for model in ("qwen3-8b", "qwen3-0.6b")
    )


def signed_in(browser: Browser, url: str, **options: Any) -> Page:
    page = browser.new_context(
        base_url=url, device_scale_factor=1, **options
    ).new_page()
    page.goto("/accounts/login/?next=/admin/")
    page.fill("input[autocomplete~=username]", STAFF)
    page.fill("input[type=password]", f"{STAFF}-password")
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/admin/")
    return page


def explain(page: Page) -> None:
    page.fill("#id_reason", REASON)
    page.click(".reason input[type=submit]")


def administration(browser: Browser, url: str) -> None:
    erin = fill()
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
    page.goto("/admin/chat/hold/")
    take(page, "admin-holds")
    page.goto(f"/admin/auth/user/{erin}/change/")
    take(page, "admin-user")
    page.goto("/admin/chat/auditentry/")
    take(page, "admin-audit")
    count()
    page.goto("/admin/chat/traffic/?over=7d")
    take(page, "admin-overview")
    page.goto("/admin/chat/usage/")
    take(page, "admin-usage")
    page.goto("/admin/chat/invite/add/")
    page.fill("#id_note", "Class 7, autumn")
    page.fill("#id_uses", "30")
    page.check("text=School")
    take(page, "admin-invite")
    page.click("input[name=_save]")
    link = page.input_value("#link")
    context = browser.new_context(viewport=PHONE, locale="en-US")
    guest = context.new_page()
    guest.goto(link)
    take(guest, "invite-phone")
    context.close()
    page = signed_in(browser, url, viewport=PHONE, locale="en-US")
    page.goto(talk)
    take(page, "admin-phone")
    page.goto("/admin/chat/traffic/?over=7d")
    take(page, "admin-overview-phone")
    page = signed_in(browser, url, color_scheme="dark", **desktop)
    page.goto(talk)
    take(page, "admin-dark")
    page = signed_in(browser, url, viewport=DESKTOP, locale="zh-CN")
    page.goto("/admin/chat/conversation/")
    take(page, "admin-chinese")


def of_the_guard(browser: Browser, url: str) -> None:
    guard()
    page = signed_in(browser, url, viewport=DESKTOP, locale="en-US")
    page.goto("/admin/chat/guardrule/")
    take(page, "guard-rules")
    page.click("text=Violence and harassment")
    page.locator("#id_model").scroll_into_view_if_needed()
    page.evaluate(
        "document.querySelector('#id_model').closest('fieldset').scrollIntoView()"
    )
    take(page, "guard-check")
    page.goto("/admin/chat/guardfinding/")
    page.click(".hidden-contents a")
    explain(page)
    take(page, "guard-findings")
    page = signed_in(browser, url, viewport=PHONE, locale="en-US")
    page.goto("/admin/chat/guardrule/add/")
    take(page, "guard-phone")
    page = signed_in(browser, url, viewport=PHONE, locale="zh-CN", color_scheme="dark")
    page.goto("/admin/chat/guardfinding/")
    take(page, "guard-phone-dark")


def main() -> None:
    with site() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_chromium())
        url = f"http://127.0.0.1:{server.port}"
        staff()
        if "guard" not in sys.argv:
            administration(browser, url)
        of_the_guard(browser, url)
        browser.close()


if __name__ == "__main__":
    main()
