"""How much a rolling restart of everything costs, behind nginx: it must lose nothing.

    python -m bench.cluster [--streams 1000] [--tokens 400] [--rate 20]
        [--starts-per-second 50]

`make cluster` with the scripted engine: nginx with the configuration in deploy/nginx,
two web and two runner processes, a PostgreSQL and a Redis. Once all streams have begun,
each process is told to end in its turn and another one takes its place. Each text is
then compared with what the engine says without interruption.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.drills.audit import eventually, settled
from tests.drills.cluster import SETTINGS, Cluster, served, stored
from tests.drills.readers import Reader, caller, truth
from tests.drills.servers import nginx

from .kills import is_good, losses
from .table import percentile, table

ROLES = {"w1": "web", "w2": "web", "r1": "runner", "r2": "runner"}
BEGIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Plan:
    streams: int
    tokens: int
    rate: float
    starts: float

    @property
    def prompt(self) -> str:
        return f"n={self.tokens} pace={1 / self.rate}"


@dataclass(slots=True)
class Course:
    """What happened, in seconds since it began."""

    readers: list[Reader]
    begun: float = 0
    rolled: float = 0
    ended: float = 0


async def run(cluster: Cluster, url: str, plan: Plan) -> Course:
    began = time.monotonic()
    async with caller(cluster.keys["alice"]) as session:
        course = Course([Reader(session, [url]) for _ in range(plan.streams)])
        asked = []
        for number, reader in enumerate(course.readers):
            due = began + number / plan.starts
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            asked.append(asyncio.create_task(reader.ask(plan.prompt)))
        await eventually(lambda: all(r.text for r in course.readers), BEGIN_SECONDS)
        course.begun = time.monotonic() - began
        await asyncio.to_thread(cluster.roll)
        course.rolled = time.monotonic() - began
        await asyncio.gather(*asked)
        await settled(cluster)
    course.ended = time.monotonic() - began
    return course


def report(cluster: Cluster, plan: Plan, course: Course) -> dict[str, Any]:
    per_reader = [reader.reconnects for reader in course.readers]
    return {
        "streams": plan.streams,
        "tokens per second and stream": plan.rate,
        **losses(cluster, truth(plan.prompt), course.readers),
        "most reconnects of one": max(per_reader),
        "reconnects p50": percentile(per_reader, 0.5),
        "all begun after s": round(course.begun),
        "all processes new after s": round(course.rolled),
        "all ended after s": round(course.ended),
    }


def measure(plan: Plan) -> dict[str, Any]:
    env = {**SETTINGS, "CHAT_LEASE_SECONDS": "15", "CHAT_HEARTBEAT_SECONDS": "5"}
    env |= {"CHAT_MAX_RUNNING": str(plan.streams), "CHAT_GRACE_SECONDS": "1"}
    with stored(ROLES, env) as cluster:
        cluster.prepare()
        ports = [member.port for member in cluster.web]
        with served(cluster), nginx(cluster.folder, ports) as proxy:
            course = asyncio.run(run(cluster, proxy.url, plan))
            return report(cluster, plan, course)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--starts-per-second", type=float, default=50)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    plan = Plan(
        options.streams, options.tokens, options.rate, options.starts_per_second
    )
    result = measure(plan)
    if options.json:
        print(json.dumps(result))
    else:
        print(table(["", "measured"], list(result.items())))
    return 0 if is_good(result) else 1


if __name__ == "__main__":
    sys.exit(main())
