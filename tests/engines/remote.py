"""An engine behind HTTP, and what answers it in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from chat.engines.base import (
    EngineError,
    EngineRequest,
    Params,
    Progress,
)
from chat.engines.remote import RemoteEngine
from chat.engines.remote.config import Upstream as Where
from chat.engines.remote.config import from_url
from tests.engines.helpers import Answer
from tests.upstream import Upstream, serve


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def url(upstream: Upstream) -> Iterator[str]:
    with serve(upstream) as base:
        yield base


@asynccontextmanager
async def started(where: Where) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(where)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@pytest_asyncio.fixture
async def engine(url: str) -> AsyncIterator[RemoteEngine]:
    async with started(from_url(url, "a key", "bench")) as engine:
        yield engine


def ask(prompt: str = "hello", progress: Progress | None = None, **params: object):
    return EngineRequest(
        id="1.1",
        model="bench",
        messages=[{"role": "user", "content": prompt}],
        params=Params(**params),
        progress=progress or Progress(),
    )


async def fails(engine: RemoteEngine, prompt: str) -> tuple[Answer, EngineError]:
    """What it said before it failed, and how it failed."""
    answer = Answer()
    try:
        async for event in engine.stream(ask(prompt)):
            answer.events.append(event)
    except EngineError as error:
        return answer, error
    pytest.fail("it did not fail")
