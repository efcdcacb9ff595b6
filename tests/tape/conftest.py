"""A tape of each kind, and names nobody has used."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chat.tape import MemoryTape, RedisTape, Tape
from chat.tape import redis as redis_tape

REDIS_URL = os.environ.get("TEST_REDIS_URL")


def make_tape(kind: str) -> Tape:
    if kind == "memory":
        return MemoryTape()
    if not REDIS_URL:
        pytest.fail("TEST_REDIS_URL: run by scripts/with-services, as make test does")
    return RedisTape(REDIS_URL)


@pytest_asyncio.fixture(params=["memory", "redis"])
async def tape(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tape]:
    # A stream of its own: a tape that starts reads back what others said.
    monkeypatch.setattr(redis_tape, "KEY", f"tape:{secrets.token_hex(8)}")
    tape = make_tape(request.param)
    await tape.start()
    yield tape
    await tape.stop()


@pytest.fixture
def g() -> str:
    """A generation nobody has used: a shared tape remembers the others."""
    return secrets.token_hex(8)


@pytest.fixture
def h() -> str:
    return secrets.token_hex(8)
