"""`60/m` and the like."""

from __future__ import annotations

import pytest

from chat.limits.rates import Rate, parse


@pytest.mark.parametrize(
    ("text", "rate", "period", "interval"),
    [
        ("60/m", Rate(60, "m"), 60, 1.0),
        ("5/s", Rate(5, "s"), 1, 0.2),
        ("1/h", Rate(1, "h"), 3600, 3600.0),
        (" 100/d ", Rate(100, "d"), 86400, 864.0),
    ],
)
def test_it_reads_a_rate(text: str, rate: Rate, period: int, interval: float) -> None:
    found = parse(text)

    assert found == rate
    assert (found.period, found.interval) == (period, interval)
    assert str(found) == text.strip()


@pytest.mark.parametrize("text", ["", "off", "OFF", "0"])
def test_it_may_be_off(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["60", "60/", "/m", "0/m", "-1/m", "1.5/m", "60/w", "6e1/m", "9999999/s", "x"],
)
def test_it_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse(text)
