"""The overview: charts with a table each, for who may see them, and nobody's words."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Traffic
from chat.reports import traffic
from tests.admin.conftest import Talk

PAGE = reverse("admin:chat_traffic_changelist")
CHARTS = ("answers", "latency", "tokens", "errors", "feedback")


def text(client: Client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def hours(db: None) -> None:
    now = traffic.hour_of(timezone.now())
    Traffic.objects.bulk_create(
        Traffic(hour=now - back, kind=kind, name=name, amount=amount)
        for back in (0, 100)
        for kind, name, amount in (
            ("status", "done", 1234),
            ("status", "failed", 5),
            ("prompt", "large", 100),
            ("completion", "large", 4000),
            ("error", "engine_failed", 5),
            ("first", "80", 7),
            ("total", "50", 7),
        )
    )


def test_there_is_a_chart_and_a_table_of_each(admin: Client, hours) -> None:
    page = text(admin)

    for name in CHARTS:
        assert f'id="chart-{name}"' in page
    assert page.count('role="img"') == page.count("<details>") == 4  # no feedback yet
    assert "Nothing in this time." in page
    assert "1,239 answers ended." in page
    for cell in ("1,234", "4,100", "engine_failed", "large"):
        assert cell in page
    assert "style=" not in page


def test_the_times_of_all_of_it(admin: Client, hours) -> None:
    page = text(admin)
    row = page[page.index("until the first token") :]

    assert re.findall(r"<td>(.*?)</td>", row)[0] == "981 ms"
    assert "<td>–</td>" in page  # nothing is known of the queue


@pytest.mark.parametrize(("over", "answers"), [("24h", 1239), ("7d", 2478)])
def test_over_other_times(admin: Client, hours, over: str, answers: int) -> None:
    page = text(admin, f"?over={over}")

    assert f"{answers:,} answers ended." in page
    assert '<strong aria-current="page">' in page


def test_of_an_unknown_time_it_shows_the_usual_one(admin: Client, hours) -> None:
    assert "1,239 answers ended." in text(admin, "?over=ever")


def test_what_runs_and_waits_now(admin: Client, alice: User, talk: Talk) -> None:
    for status in ("running", "running", "queued", "done"):
        talk(alice, status=status)

    assert "Now: 2 are being answered, 1 wait." in text(admin)


def test_it_is_linked_for_who_may_see_it(
    staff_with: Callable[..., Client], hours
) -> None:
    client = staff_with("view_traffic")

    assert PAGE in client.get(reverse("admin:index")).content.decode()
    assert "1,234" in text(client)


def test_staff_need_the_permission(staff_with: Callable[..., Client]) -> None:
    assert staff_with("view_usage", "view_generation").get(PAGE).status_code == 403


def test_it_reads_sums_alone(
    admin: Client, hours, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(7) as asked:
        text(admin)

    assert not any(" chat_message" in query["sql"] for query in asked)
