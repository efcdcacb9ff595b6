"""Bars and lines: inside the picture, in proportion, and with the table's numbers."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chat.reports.charts import COLOURS, HEIGHT, STEP, Series, lines, ranked, stacked

LABELS = ["a", "b", "c"]
COUNTS = st.lists(st.integers(0, 10**12), min_size=3, max_size=3)
KNOWN = st.lists(st.none() | st.floats(1, 1e7), min_size=3, max_size=3)


def bars(*values: list[int]):
    series = [Series(f"s{at}", found, at) for at, found in enumerate(values)]
    return stacked("x", "Title", LABELS, series, str)


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_bars_stand_on_each_other_inside_the_picture(values) -> None:
    for place in bars(*values).places:
        foot = float(HEIGHT)
        for box in place.boxes:
            assert abs(box.y + box.height - foot) < 0.02
            foot = box.y
        assert foot >= -0.1


def test_a_row_of_the_table_has_the_numbers() -> None:
    chart = bars([1, 0, 3], [5, 0, 0])

    assert [(row.label, row.cells) for row in chart.rows] == [
        ("c", ["3", ""]),
        ("a", ["1", "5"]),
    ]
    assert chart.places[0].told == "a: s0 1, s1 5"
    assert (chart.top, chart.width) == ("10", 3 * STEP)


def test_of_nothing_there_is_no_picture() -> None:
    assert bars([0, 0, 0]).is_empty
    assert lines("x", "x", LABELS, [Series("p50", [None] * 3, 0)], str).is_empty


@given(KNOWN)
def test_lines_stay_inside_and_break_where_nothing_is(values) -> None:
    chart = lines("x", "x", LABELS, [Series("p50", values, 0)], str)
    [line] = chart.lines

    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line.path)]
    assert len(heights) == sum(value is not None for value in values)
    assert all(0 <= y <= HEIGHT for y in heights)
    runs = "".join("x" if value is not None else " " for value in values).split()
    assert line.path.count("M") == len(runs)


def test_the_largest_have_colours_of_their_own() -> None:
    found = {f"m{size}": [float(size)] * 3 for size in range(1, 9)}

    series = ranked(found, "others")

    assert [s.name for s in series] == ["m8", "m7", "m6", "m5", "m4", "others"]
    assert [s.colour for s in series] == list(range(COLOURS))
    assert series[-1].values == [6.0] * 3
    few = dict(list(found.items())[:COLOURS])
    assert "others" not in [s.name for s in ranked(few, "others")]
