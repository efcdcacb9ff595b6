"""Bars of tokens per day, drawn by the server: no script, no style, no library.

Pure geometry in the picture's own units; the page stretches it to its width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ..limits.usage import Used
from .charts import round_up

DAYS = 30
HEIGHT = 100
STEP = 10
BAR = 7


@dataclass(slots=True)
class Bar:
    """A day: prompts below, answers on top of them. `y` counts from above."""

    day: date
    x: float
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_y: float = HEIGHT
    prompt_height: float = 0
    completion_y: float = HEIGHT
    completion_height: float = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Plot:
    """`top`: the tokens that the picture's upper edge stands for."""

    bars: list[Bar]
    top: int
    width: int = DAYS * STEP
    height: int = HEIGHT
    bar: int = BAR

    @property
    def used(self) -> list[Bar]:
        """The days with use, the newest first."""
        return [bar for bar in reversed(self.bars) if bar.requests]

    @property
    def prompt_tokens(self) -> int:
        return sum(bar.prompt_tokens for bar in self.bars)

    @property
    def completion_tokens(self) -> int:
        return sum(bar.completion_tokens for bar in self.bars)


def plot(rows: Iterable[Used], today: date) -> Plot:
    """The last `DAYS` days, all models together."""
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    margin = (STEP - BAR) / 2
    bars = {day: Bar(day, place * STEP + margin) for place, day in enumerate(days)}
    for row in rows:
        if bar := bars.get(row.day):
            bar.requests += row.requests
            bar.prompt_tokens += row.prompt_tokens
            bar.completion_tokens += row.completion_tokens
    top = round_up(max(bar.tokens for bar in bars.values()))
    for bar in bars.values():
        draw(bar, top)
    return Plot(list(bars.values()), top)


def draw(bar: Bar, top: int) -> None:
    bar.prompt_height = round(bar.prompt_tokens * HEIGHT / top, 2)
    bar.completion_height = round(bar.completion_tokens * HEIGHT / top, 2)
    bar.prompt_y = round(HEIGHT - bar.prompt_height, 2)
    bar.completion_y = round(bar.prompt_y - bar.completion_height, 2)
