"""The figures as a table, as a picture, and in the documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.template import Context, Engine

from chat.reports.charts import Chart, Series, lines

from ..table import table
from .contest import CHATSITE, MANAGER, SERVE, THREADS, Found, overhead_ms, ratios
from .replies import Figures

TEMPLATE = Path(__file__).with_name("plot.svg")
HEAD = (
    "",
    "requests",
    "tokens/s",
    "first token p50 ms",
    "p99",
    "gap p50 ms",
    "p99",
    "longest",
)
BOUNDS: Mapping[str, str] = {
    f"tokens/s, Chatsite / {SERVE.title}": "≥ 1.5",
    f"tokens/s, Chatsite / {MANAGER.title}": "≥ 0.75",
    f"tokens/s, Chatsite / {THREADS.title}": "≥ 12",
    f"first token p50, Chatsite / {SERVE.title}": "≤ 1",
}
BOUNDS_AT = 32
Shares = Mapping[int, float]
"""Of the memory-bandwidth limit that Chatsite reached, by the number of requests."""


def as_table(found: Found) -> str:
    return table(
        HEAD,
        (
            (title, requests, *cells(figures))
            for title, by_number in found.items()
            for requests, figures in by_number.items()
        ),
    )


def cells(figures: Figures) -> list[str]:
    speed, *times = asdict(figures).values()
    return [f"{speed:.0f}", *("–" if time != time else f"{time:.0f}" for time in times)]


def as_ratios(found: Found, shares: Shares) -> str:
    """With the bounds, where they are set."""
    numbers = list(found[CHATSITE.title])
    columns = {number: ratios(found, number) for number in numbers}
    rows: list[Sequence[object]] = [
        (name, *(f"{columns[number][name]:.2f}" for number in numbers), bound)
        for name, bound in BOUNDS.items()
    ]
    late = (f"{overhead_ms(found, number):.0f}" for number in numbers)
    rows.append(("first token later than the engine's own, ms", *late, "≤ 15 at 1"))
    if shares:
        reached = (f"{shares[number]:.0%}" for number in numbers)
        rows.append(("share of the memory-bandwidth limit", *reached, ""))
    heads = [f"{number} at once" for number in numbers]
    return table(["", *heads, f"bound at {BOUNDS_AT}"], rows)


def as_json(found: Found, shares: Shares) -> dict[str, Any]:
    numbers = list(found[CHATSITE.title])
    return {
        "figures": [
            {"contender": title, "requests": requests, **asdict(figures)}
            for title, by_number in found.items()
            for requests, figures in by_number.items()
        ],
        "ratios": {number: ratios(found, number) for number in numbers},
        "overhead_ms": {number: overhead_ms(found, number) for number in numbers},
        "bandwidth_shares": dict(shares),
    }


def as_svg(found: Found, name: str) -> str:
    engine = Engine()
    template = engine.from_string(TEMPLATE.read_text())
    series = list(enumerate(found))
    charts = [
        chart(found, "Tokens a second, all requests together", "tokens_per_second"),
        # The threads' are ten times as high: nothing else would be seen.
        chart(found, "First token, median in ms", "first_p50", without=THREADS.title),
    ]
    context = {"name": name, "series": series, "charts": charts}
    return template.render(Context(context))


def chart(found: Found, title: str, figure: str, without: str = "") -> Chart:
    numbers = list(found[CHATSITE.title])
    series = [
        Series(name, [getattr(by_number[number], figure) for number in numbers], at)
        for at, (name, by_number) in enumerate(found.items())
        if name != without
    ]
    return lines(figure, title, [f"{n}" for n in numbers], series, "{:,.0f}".format)


def write(docs: Path, name: str, found: Found, shares: Shares) -> None:
    """The plot, and the tables in the place kept for this model; at the end of the
    document where there is none yet."""
    picture = f"engine-{name}.svg"
    (docs / "images").mkdir(exist_ok=True)
    (docs / "images" / picture).write_text(as_svg(found, name))
    said = "\n\n".join(
        (
            f"![Tokens a second and first tokens of all contenders](images/{picture})",
            as_ratios(found, shares),
            as_table(found),
        )
    )
    document = docs / "benchmarks.md"
    document.write_text(put(document.read_text(), name, said))


def put(document: str, name: str, said: str) -> str:
    begin, end = f"<!-- engine {name} -->", f"<!-- end of engine {name} -->"
    block = f"{begin}\n\n{said}\n\n{end}"
    place = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if place.search(document):
        return place.sub(lambda _old: block, document)
    return f"{document.rstrip()}\n\n{block}\n"
