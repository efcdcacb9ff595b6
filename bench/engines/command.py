"""What `manage.py benchmark_engine` does."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .bandwidth import measured, weigh
from .contest import CHATSITE, Found, Plan, contest
from .prompts import CONTEXT
from .report import Shares, as_json, as_ratios, as_table, write
from .shapes import DEMO, build


@dataclass(frozen=True, slots=True)
class Order:
    """`model`: a folder, or `shape`: one to be built, else the demo model. `context`:
    words before each question."""

    requests: list[int]
    tokens: int
    rounds: int
    model: Path | None
    shape: str | None
    docs: Path | None
    context: int = 0


def run(order: Order, tell: Callable[[str], Any], as_data: bool) -> str:
    """What was found, in words or as JSON."""
    os.environ[CONTEXT] = f"{order.context}"  # the contenders' processes have it, too
    with ExitStack() as stack:
        folder = order.model or DEMO
        if order.shape:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            tell(f"building {order.shape}")
            build(folder, order.shape)
        plan = Plan(folder, order.requests, order.tokens, order.rounds)
        shares: Shares = {}
        found = contest(plan, tell)
        if order.shape:
            shares = shares_of(found, plan)
    if order.docs:
        name = order.shape or ("demo" if folder == DEMO else folder.name)
        name += f"-context-{order.context}" if order.context else ""
        write(order.docs, name, found, shares)
    if as_data:
        return json.dumps(as_json(found, shares))
    return f"{as_ratios(found, shares)}\n\n{as_table(found)}"


def shares_of(found: Found, plan: Plan) -> Shares:
    """Of what the memory allows; contexts are half of what they grow to."""
    place = "cuda" if torch.cuda.is_available() else "cpu"
    weight = weigh(plan.folder, 4 if place == "cpu" else 2)
    bandwidth = measured(place)
    return {
        requests: figures.tokens_per_second
        / weight.limit(bandwidth, requests, plan.tokens / 2)
        for requests, figures in found[CHATSITE.title].items()
    }
