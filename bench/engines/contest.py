"""Everybody in turn, at every number of requests, several times over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .replies import Ask, Figures, Reply, figures, middle
from .servers import product, transformers_serve
from .talk import asking

WARM_UP = 8
"""So many requests of so many tokens before anything counts."""
THREAD_TOKENS = 2048
"""Of all threads together: they are so slow that more would take minutes."""

Found = Mapping[str, Mapping[int, Figures]]
"""By the contender's name and the number of requests."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`requests`: at once, one number after the other; `tokens`: of each, at most."""

    folder: Path
    requests: Sequence[int]
    tokens: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Contender:
    title: str
    start: Callable[[Plan], AbstractContextManager[Ask]]


CHATSITE, ENGINE, MANAGER, SERVE, THREADS = CONTENDERS = (
    Contender("Chatsite", lambda plan: product(plan.folder, max(plan.requests))),
    Contender("its engine alone", lambda plan: asking("alone", str(plan.folder))),
    Contender("bare manager", lambda plan: asking("manager", str(plan.folder))),
    Contender("transformers serve", lambda plan: transformers_serve(plan.folder)),
    Contender("a thread each", lambda plan: asking("threads", str(plan.folder))),
)


def contest(plan: Plan, tell: Callable[[str], Any]) -> Found:
    """Each begins anew in each round, alone on the machine, at another place in the
    order; the median of the rounds counts."""
    rounds: dict[tuple[str, int], list[Figures]] = defaultdict(list)
    for turn in range(plan.rounds):
        shift = turn % len(CONTENDERS)
        for contender in (*CONTENDERS[shift:], *CONTENDERS[:shift]):
            with contender.start(plan) as ask:
                ask(min(WARM_UP, max(plan.requests)), WARM_UP)
                for requests in plan.requests:
                    found = figures(asked(contender, ask, requests, plan.tokens))
                    rounds[contender.title, requests].append(found)
                    tell(told(turn, contender, requests, found))
    return {
        contender.title: {
            requests: middle(rounds[contender.title, requests])
            for requests in plan.requests
        }
        for contender in CONTENDERS
    }


def asked(
    contender: Contender, ask: Ask, requests: int, tokens: int
) -> Sequence[Reply]:
    if contender.title == THREADS.title:
        tokens = min(tokens, max(WARM_UP, THREAD_TOKENS // requests))
    return ask(requests, tokens)


def told(turn: int, contender: Contender, requests: int, found: Figures) -> str:
    speed = round(found.tokens_per_second)
    return (
        f"round {turn + 1}: {contender.title}, {requests} at once: {speed} tokens/s,"
        f" first token {found.first_p50:.0f} ms"
    )


def ratios(found: Found, requests: int) -> dict[str, float]:
    """What Chatsite is to the others at that number of requests."""
    own = found[CHATSITE.title][requests]
    serve = found[SERVE.title][requests]
    speeds = {
        f"tokens/s, Chatsite / {other.title}": own.tokens_per_second
        / found[other.title][requests].tokens_per_second
        for other in (SERVE, MANAGER, THREADS)
    }
    first = own.first_p50 / serve.first_p50
    return {**speeds, f"first token p50, Chatsite / {SERVE.title}": first}


def overhead_ms(found: Found, requests: int) -> float:
    """The first token later than the engine's own."""
    own, engine = found[CHATSITE.title][requests], found[ENGINE.title][requests]
    return own.first_p50 - engine.first_p50
