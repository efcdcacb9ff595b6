"""Bars of tokens: days in order, heights in proportion."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chat.limits.usage import Used
from chat.reports.usage_plot import DAYS, HEIGHT, plot, round_up

TODAY = date(2026, 3, 1)
COUNTS = st.integers(0, 10**12)
ROWS = st.lists(
    st.builds(
        Used,
        day=st.integers(0, DAYS - 1).map(lambda back: TODAY - timedelta(days=back)),
        model=st.sampled_from(["a", "b"]),
        requests=st.integers(1, 100),
        prompt_tokens=COUNTS,
        completion_tokens=COUNTS,
    )
)


def test_the_last_day_is_today() -> None:
    bars = plot([], TODAY).bars

    assert len(bars) == DAYS
    assert (bars[0].day, bars[-1].day) == (TODAY - timedelta(days=DAYS - 1), TODAY)
    assert plot([], TODAY).used == []


def test_the_models_of_a_day_are_one_bar() -> None:
    rows = [Used(TODAY, "a", 1, 10, 20), Used(TODAY, "b", 2, 30, 40)]

    [bar] = plot(rows, TODAY).used

    assert (bar.requests, bar.prompt_tokens, bar.completion_tokens) == (3, 40, 60)
    assert (bar.prompt_height, bar.prompt_y) == (40, 60)
    assert (bar.completion_height, bar.completion_y) == (60, 0)


def test_what_is_older_is_left_out() -> None:
    assert plot([Used(TODAY - timedelta(days=DAYS), "a", 1, 1, 1)], TODAY).used == []


@given(ROWS)
def test_bars_fit_and_their_sums_are_right(rows: list[Used]) -> None:
    made = plot(rows, TODAY)

    assert made.prompt_tokens == sum(row.prompt_tokens for row in rows)
    assert made.completion_tokens == sum(row.completion_tokens for row in rows)
    for bar in made.bars:
        assert -0.02 <= bar.completion_y <= bar.prompt_y <= HEIGHT
        assert 0 <= bar.x < made.width


@given(COUNTS)
def test_the_top_is_round_and_near(most: int) -> None:
    top = round_up(most)

    assert top >= most
    assert top == 10 or top <= 2 * most
    assert len(str(top).rstrip("0")) == 1
