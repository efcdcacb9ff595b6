"""`bench.kills`, small: processes die at random while answers are written."""

from __future__ import annotations

import asyncio

from bench.kills import Plan, is_good, report, run

from .cluster import Cluster, beside

ROLES = {"a1": "all", "a2": "all", "w1": "web", "r1": "runner"}
PLAN = Plan(kills=4, answers=16, tokens=50, rate=20, seed=7)


def test_it_loses_doubles_and_forgets_nothing(cluster: Cluster) -> None:
    with beside(cluster, 2, ROLES) as killed:
        course = asyncio.run(run(killed, PLAN))
        result = report(killed, PLAN, course)
    assert is_good(result), result
    assert (result["kills"], result["answers"]) == (PLAN.kills, PLAN.answers)
    assert result["errors seen by readers"] == 0
    assert killed.complaints() == []
