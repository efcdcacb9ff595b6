"""How much is lost when processes die: it must be nothing.

    python -m bench.kills [--kills 50] [--answers 200] [--tokens 150] [--rate 20]

Two web and two runner processes share a PostgreSQL and a Redis, all of its own. While
the answers are asked for and written, processes picked at random are killed (SIGKILL)
and started again. Readers reconnect at whichever process answers. Each answer is then
compared with what the scripted engine says without interruption.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.drills.audit import settled
from tests.drills.cluster import Cluster, shared
from tests.drills.readers import Reader, caller, truth

from .table import percentile, table

ROLES = {"w1": "web", "w2": "web", "r1": "runner", "r2": "runner"}
LIMIT_SECONDS = 600
RESTART_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    kills: int
    answers: int
    tokens: int
    rate: float
    seed: int = 1

    @property
    def prompt(self) -> str:
        return f"n={self.tokens} pace={1 / self.rate}"


@dataclass(slots=True)
class Course:
    """What happened."""

    readers: list[Reader]
    killed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0


async def run(cluster: Cluster, plan: Plan) -> Course:
    """Ask all the time, kill all the time; until both are over."""
    began = time.monotonic()
    async with (
        caller(cluster.keys["alice"]) as session,
        asyncio.timeout(LIMIT_SECONDS),
    ):
        course = Course([])
        killer = asyncio.create_task(kill(cluster, plan, course.killed))
        asked = []
        for number in range(plan.answers):
            reader = Reader(session, cluster.urls, first=number)
            course.readers.append(reader)
            asked.append(asyncio.create_task(reader.ask(plan.prompt)))
            # New ones come until the last kill.
            due = (number + 1) / plan.answers * plan.kills
            while course.killed.total() < due - 1 and not killer.done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await killer
        await asyncio.gather(*asked)
        await settled(cluster)
    course.seconds = time.monotonic() - began
    return course


async def kill(cluster: Cluster, plan: Plan, killed: Counter[str]) -> None:
    """One process after the other, a new one in its place: there are always some."""
    chance = random.Random(plan.seed)
    for _ in range(plan.kills):
        await asyncio.sleep(chance.uniform(0, 2 * RESTART_SECONDS))
        name = chance.choice(list(cluster.members))
        await asyncio.to_thread(cluster[name].kill)
        killed[name] += 1
        await asyncio.sleep(RESTART_SECONDS)
        await asyncio.to_thread(cluster.up, name)


def report(cluster: Cluster, plan: Plan, course: Course) -> dict[str, Any]:
    return {
        "answers": len(course.readers),
        "kills": course.killed.total(),
        "of web processes": course.killed["w1"] + course.killed["w2"],
        **losses(cluster, truth(plan.prompt), course.readers),
        "seconds": round(course.seconds),
    }


def losses(cluster: Cluster, words: str, readers: list[Reader]) -> dict[str, Any]:
    """What became of these answers, all there are, as their readers have them and as
    they are stored."""
    assert cluster.postgres is not None
    rows = cluster.postgres.sql(
        "SELECT g.id::text, g.status, g.attempt, m.content FROM chat_generation g"
        " JOIN chat_message m ON m.id = g.message_id"
    )
    found = {pk: (status, attempt, text) for pk, status, attempt, text in rows}
    texts = [reader.text for reader in readers]
    texts += [text for _, _, text in found.values()]
    waits = [reader.longest_wait for reader in readers]
    ended = Counter(status for status, _, _ in found.values())
    asked = {reader.generation for reader in readers}
    return {
        "lost": sum(len(text) < len(words) for text in texts) + len(asked - set(found)),
        "doubled or changed": sum(
            len(text) >= len(words) and text != words for text in texts
        )
        + len(set(found) - asked),
        "stuck": ended["queued"] + ended["running"],
        "ended otherwise": len(found) - ended["done"],
        "errors seen by readers": sum(len(r.problems) for r in readers),
        "continued": sum(attempt > 1 for _, attempt, _ in found.values()),
        "most attempts of one": max(attempt for _, attempt, _ in found.values()),
        "reconnects": sum(reader.reconnects for reader in readers),
        "taken back from a reader": sum(reader.rewinds for reader in readers),
        "longest wait p50, s": round(percentile(waits, 0.5), 2),
        "longest wait p99, s": round(percentile(waits, 0.99), 2),
    }


def is_good(result: dict[str, Any]) -> bool:
    bad = ("lost", "doubled or changed", "stuck", "ended otherwise")
    return not any(result[name] for name in bad)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=150)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    plan = Plan(options.kills, options.answers, options.tokens, options.rate)
    with shared(**ROLES) as cluster:
        course = asyncio.run(run(cluster, plan))
        result = report(cluster, plan, course)
    if options.json:
        print(json.dumps(result))
    else:
        print(table(["", "measured"], list(result.items())))
    return 0 if is_good(result) else 1


if __name__ == "__main__":
    sys.exit(main())
