"""Groups of the list as the server sends it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from chat.models import Conversation
from chat.pages.days import grouped, zone_named

NOW = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def headings(*moments: datetime, zone=SHANGHAI, pinned: bool = False) -> list[str]:
    rows = [Conversation(updated=moment, pinned=pinned) for moment in moments]
    return [label for label, _some in grouped(rows, zone, NOW)]


def test_days_are_the_readers_own() -> None:
    """It is half past midnight in Shanghai, on the first of March."""
    late = datetime(2026, 2, 28, 15, 50, tzinfo=UTC)

    assert headings(NOW) == ["Today"]
    assert headings(late) == ["Yesterday"]
    assert headings(late, zone=UTC) == ["Today"]


def test_older_ones_stand_together() -> None:
    days = [(2026, 2, 28), (2026, 2, 25), (2026, 2, 10), (2026, 1, 2), (2025, 12, 24)]

    assert headings(*(datetime(*day, tzinfo=UTC) for day in days)) == [
        "Yesterday",
        "Previous 7 days",
        "Previous 30 days",
        "January 2026",
        "December 2025",
    ]


def test_pinned_ones_have_their_own_heading() -> None:
    assert headings(NOW, pinned=True) == ["Pinned"]


def test_in_chinese() -> None:
    with translation.override("zh-hans"):
        assert headings(NOW, datetime(2025, 12, 24, tzinfo=UTC)) == [
            "今天",
            "2025年12月",
        ]


@pytest.mark.parametrize(
    "name", [None, "", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Asia", "x" * 99]
)
def test_a_zone_that_is_none_is_the_sites(name: str | None) -> None:
    assert str(zone_named(name)) == "UTC"


def test_a_zone_is_found_by_its_name() -> None:
    assert zone_named("Asia/Shanghai") == SHANGHAI
