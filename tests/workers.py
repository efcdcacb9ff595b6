"""How the tests are shared out among the processes that pytest-xdist starts.

A file stays in one process, where its fixtures are made once. What has the longest
waits comes first, so that nobody is left alone with it at the end.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

FIRST = (
    *("tests/drills/", "tests/test_postgresql.py", "tests/browser/", "tests/engines/"),
    *("tests/asgi/", "tests/dialects/", "tests/test_makefile.py", "tests/commands/"),
)
WHOLE = ("tests/drills/",)
"""Packages that share one expensive fixture."""
APART = ("tests/test_postgresql.py",)
"""Files whose tests share nothing."""


class Scheduling(LoadFileScheduling):
    """Knows what belongs together, and keeps the order of `rank`."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(APART):
            return nodeid
        whole = [name for name in WHOLE if nodeid.startswith(name)]
        return whole[0] if whole else super()._split_scope(nodeid)


def rank(item: pytest.Item) -> int:
    found = (at for at, name in enumerate(FIRST) if item.nodeid.startswith(name))
    return next(found, len(FIRST))


def use_own_redis() -> None:
    """A numbered database of the shared server for each process."""
    url = os.environ.get("TEST_REDIS_URL", "")
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    if url and "db=" not in url:
        os.environ["TEST_REDIS_URL"] = f"{url}?db={number}"


def common_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run that all its processes have."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)
    names = Counter(item.nodeid for item in items)
    if double := [name for name, count in names.items() if count > 1]:
        raise pytest.UsageError(f"pytest-xdist would run only one of each: {double}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    config.option.loadscopereorder = False
    return Scheduling(config, log)
