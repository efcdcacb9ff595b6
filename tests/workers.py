"""How the tests are shared out among the processes that pytest-xdist starts.

A file stays in one process, where its fixtures are made once. What has the longest
waits comes first, so that nobody is left alone with it at the end. Only the first
process imports torch, which takes as long as a hundred tests, and has all tests of it.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

FIRST = (
    *("tests/drills/", "tests/test_postgresql.py", "tests/browser/", "tests/engines/"),
    *("tests/asgi/", "tests/dialects/", "tests/test_makefile.py", "tests/commands/"),
)
WHOLE = ("tests/drills/", "tests/asgi/", "tests/dialects/")
"""Packages that share one expensive fixture."""
APART = ("tests/test_postgresql.py",)
"""Files whose tests share nothing."""
TORCH = "tests/engines"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


class Scheduling(LoadFileScheduling):
    """Knows what belongs together, and keeps the order of `rank`."""

    def schedule(self) -> None:
        if self.collection is None:  # all of them is what the first one has
            found = self.registered_collections.items()
            every = sorted(found, key=lambda pair: len(pair[1]), reverse=True)
            self.registered_collections = dict(every)
        super().schedule()

    def _check_nodes_have_same_collection(self) -> bool:
        """But for the tests of torch, they have."""
        every, *others = self.registered_collections.values()
        rest = [name for name in every if not name.startswith(TORCH)]
        known = (every, rest)
        same = super()._check_nodes_have_same_collection
        return all(names in known for names in others) or same()

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Who has the tests of torch begins with them; nobody else gets any."""
        names = self.registered_collections[node]
        has_torch = any(name.startswith(TORCH) for name in names)
        units = sorted(self.workqueue, key=lambda unit: not unit.startswith(TORCH))
        fitting = [unit for unit in units if has_torch or not unit.startswith(TORCH)]
        if fitting:
            self.workqueue.move_to_end(fitting[0], last=False)
            super()._assign_work_unit(node)
        else:
            node.shutdown()

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
    number = WORKER.removeprefix("gw") or "0"
    if url and "db=" not in url:
        os.environ["TEST_REDIS_URL"] = f"{url}?db={number}"


def common_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run that all its processes have."""
    own = factory.getbasetemp()
    return own.parent if WORKER else own


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """None: as usual."""
    is_torchs = collection_path.as_posix().endswith(f"/{TORCH}")
    return True if is_torchs and WORKER not in ("", "gw0") else None


gc.disable()  # while hundreds of modules are imported


def pytest_collection_finish() -> None:
    """What is there by now stays: nobody has to look through it for garbage again."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)
    names = Counter(item.nodeid for item in items)
    if double := [name for name, count in names.items() if count > 1]:
        raise pytest.UsageError(f"pytest-xdist would run only one of each: {double}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    config.option.loadscopereorder = False
    return Scheduling(config, log)
