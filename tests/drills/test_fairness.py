"""Two processes with one slot each, and somebody who asks for far too much."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import psycopg
import pytest

from .audit import eventually
from .cluster import Cluster, beside
from .readers import Reader, caller

QUEUED = 200
STARTED = """
SELECT count(*) FROM chat_generation g JOIN auth_user u ON u.id = g.user_id
WHERE u.username = 'alice' AND g.started > %s AND g.started < (
    SELECT started FROM chat_generation WHERE id = %s
)
"""
RUNNING = "SELECT count(*) FROM chat_generation WHERE status = 'running'"


@pytest.fixture(scope="module")
def narrow(cluster: Cluster) -> Iterator[tuple[Cluster, psycopg.Connection[Any]]]:
    """On the servers of the other drills, in databases of their own."""
    roles = {"n1": "all", "n2": "all"}
    with beside(cluster, 1, roles, CHAT_MAX_RUNNING="1") as two:
        assert two.postgres is not None
        with psycopg.connect(two.postgres.url, autocommit=True) as database:
            yield two, database
    assert two.complaints() == []


async def ask(session: aiohttp.ClientSession, url: str, prompt: str) -> str:
    """Its name, without reading on."""
    async with session.post(f"{url}/api/chat/stream", json={"prompt": prompt}) as said:
        assert said.status == 200
        return said.headers["X-Generation-Id"]


async def test_hundreds_delay_a_single_one_by_one_slot(narrow) -> None:
    two, database = narrow
    one, other = two.urls
    async with caller(two.keys["alice"]) as alice, caller(two.keys["bob"]) as bob:
        running = [await ask(alice, url, "n=1 hang=0") for url in two.urls]
        await eventually(lambda: database.execute(RUNNING).fetchone() == (2,))
        for some in range(0, QUEUED, 20):
            url = (one, other)[some // 20 % 2]
            await asyncio.gather(*(ask(alice, url, "n=1 pace=0") for _ in range(20)))
        reader = Reader(bob, two.urls)
        asking = asyncio.create_task(reader.ask("n=1 pace=0"))
        await eventually(lambda: reader.generation)
        asked = datetime.now(UTC)
        for name in running:
            async with alice.post(f"{one}/api/generations/{name}/stop") as said:
                assert said.status == 200
        await asking

    assert reader.text == "t0"
    # The one that was being claimed while he asked.
    [between] = database.execute(STARTED, [asked, reader.generation]).fetchone()
    assert between <= 1
    # His place was told as his turn, not as the last of two hundred.
    assert reader.names.count("queued") <= 2
