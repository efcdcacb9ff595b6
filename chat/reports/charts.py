"""Bars and lines of what was counted, drawn by the server: pure geometry in the
picture's own units, which the page stretches to its width. Colours are classes, so no
style is needed; the same numbers stand in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

HEIGHT = 100
STEP = 10
BAR = 7
MARGIN = (STEP - BAR) / 2
COLOURS = 6
"""The last one is for all others together."""
Show = Callable[[float], str]
"""A number in words."""


@dataclass(frozen=True, slots=True)
class Series:
    """`values`: one for each place from left to right; None where there is none."""

    name: Any
    values: Sequence[float | None]
    colour: int

    @property
    def total(self) -> float:
        return sum(value or 0 for value in self.values)


@dataclass(frozen=True, slots=True)
class Box:
    colour: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Place:
    """One step along the axis: what is drawn there, and its row of the table."""

    label: str
    boxes: Sequence[Box]
    cells: Sequence[str]
    told: str


@dataclass(frozen=True, slots=True)
class Line:
    colour: int
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`top`: what the picture's upper edge stands for."""

    id: str
    title: Any
    summary: Any
    series: Sequence[Series]
    places: Sequence[Place]
    lines: Sequence[Line]
    top: str
    is_empty: bool
    height: int = HEIGHT
    bar: int = BAR

    @property
    def width(self) -> int:
        return STEP * len(self.places)

    @property
    def rows(self) -> list[Place]:
        """The newest first; without those where nothing was."""
        return [place for place in reversed(self.places) if any(place.cells)]


def ranked(found: Mapping[str, Sequence[float]], others: Any) -> list[Series]:
    """The largest ones by name, and the rest together."""
    names = sorted(found, key=lambda name: (-sum(found[name]), name))
    room = COLOURS if len(names) <= COLOURS else COLOURS - 1
    shown = [Series(name, found[name], at) for at, name in enumerate(names[:room])]
    if rest := [found[name] for name in names[room:]]:
        together = [sum(values) for values in zip(*rest, strict=True)]
        shown.append(Series(others, together, COLOURS - 1))
    return shown


def stacked(
    name: str,
    title: Any,
    labels: Sequence[str],
    series: Sequence[Series],
    show: Show,
    summary: Any = "",
) -> Chart:
    """Bars, the first series at their foot."""
    heights = [sum(s.values[at] or 0 for s in series) for at in range(len(labels))]
    top = round_up(max(heights, default=0))
    places = [
        Place(label, _boxes(series, at, top), *_told(label, series, at, show))
        for at, label in enumerate(labels)
    ]
    empty = not any(heights)
    return Chart(name, title, summary, series, places, (), show(top), empty)


def lines(
    name: str,
    title: Any,
    labels: Sequence[str],
    series: Sequence[Series],
    show: Show,
    summary: Any = "",
) -> Chart:
    """Broken where there is nothing."""
    known = [value for s in series for value in s.values if value is not None]
    top = round_up(max(known, default=0))
    places = [
        Place(label, (), *_told(label, series, at, show))
        for at, label in enumerate(labels)
    ]
    drawn = [Line(s.colour, _path(s.values, top)) for s in series]
    return Chart(name, title, summary, series, places, drawn, show(top), not known)


def _boxes(series: Sequence[Series], at: int, top: float) -> list[Box]:
    boxes: list[Box] = []
    y = float(HEIGHT)
    for each in series:
        if value := each.values[at]:
            height = value * HEIGHT / top
            y -= height
            boxes.append(
                Box(each.colour, at * STEP + MARGIN, round(y, 2), round(height, 2))
            )
    return boxes


def _told(
    label: str, series: Sequence[Series], at: int, show: Show
) -> tuple[list[str], str]:
    """The table's cells, empty where nothing was; and all of it in a line."""
    values = [(each.name, each.values[at]) for each in series]
    cells = [show(value) if value else "" for _name, value in values]
    said = [f"{name} {show(value)}" for name, value in values if value]
    return cells, f"{label}: {', '.join(said)}"


def _path(values: Sequence[float | None], top: float) -> str:
    """A dot where both neighbours are missing."""
    path, before = "", False
    for at, value in enumerate(values):
        if value is not None:
            x, y = at * STEP + STEP / 2, round(HEIGHT - value * HEIGHT / top, 2)
            alone = not before and (at + 1 == len(values) or values[at + 1] is None)
            path += f"L{x} {y}" if before else f"M{x} {y}"
            path += "h0.01" if alone else ""
        before = value is not None
    return path


def round_up(most: float) -> int:
    """To one digit and zeros; 10 at least."""
    whole = ceil(most)
    unit = int(10 ** max(1, len(str(whole)) - 1))
    return max(unit, -(-whole // unit) * unit)
