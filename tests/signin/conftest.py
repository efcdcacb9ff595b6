"""The attempts of a test count together, however long it takes."""

from __future__ import annotations

import time
from itertools import count
from types import SimpleNamespace

import pytest
from allauth.core.internal import ratelimit


@pytest.fixture(autouse=True)
def within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of who counts them."""
    moments = count(time.time(), 0.001)
    clock = SimpleNamespace(
        time=lambda: next(moments), monotonic=time.monotonic, sleep=time.sleep
    )
    monkeypatch.setattr(ratelimit, "time", clock)
