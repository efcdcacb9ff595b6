"""Threads that begin together, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from tests.reading import PATIENCE

THREADS = 6


def race(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """`work(number)` in as many threads; what each gave."""
    together = threading.Barrier(threads)

    def run(number: int) -> Any:
        together.wait(PATIENCE)
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
