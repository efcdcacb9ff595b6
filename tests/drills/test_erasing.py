"""Erasing a user empties Redis of what they were answered, at once."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from chat.people import accounts
from chat.running import process
from tests.core.helpers import ask
from tests.reading import eventually

from .servers import RedisServer

MARK = "zq9m"
"""One token."""


def dump(server: RedisServer) -> str:
    """All that is in it: keys and values of every type."""
    with server.client() as client:
        read: dict[bytes, Callable[[bytes], Any]] = {
            b"stream": client.xrange,
            b"string": client.get,
            b"hash": client.hgetall,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        keys = list(client.scan_iter())
        return str([(key, read[client.type(key)](key)) for key in keys])


@pytest_asyncio.fixture
async def two(
    transactional_db: None, server: RedisServer, settings: Any
) -> AsyncIterator[tuple[process.Process, process.Process]]:
    """Processes that share a tape; one of them generates."""
    settings.REDIS_URL = server.url
    here = await process.start()
    settings.CHAT_ROLE = "web"
    there = process.Process()
    await there.start()
    yield here, there
    await there.drain()
    await process.stop()


@pytest.mark.asyncio
async def test_nothing_they_were_told_is_left(
    two: tuple[process.Process, process.Process], server: RedisServer, alice: User
) -> None:
    said = base64.urlsafe_b64encode(f"{MARK} and so on".encode()).decode()
    done = await sync_to_async(ask)(alice, f"pace=0 say={said}")
    live = await sync_to_async(ask)(alice, f"pace=0 say={said} hang=2")

    def known() -> list[bool]:
        return [str(row.pk) in p.tape._seats for p in two for row in (done, live)]

    await eventually(lambda: all(known()) and dump(server).count(MARK) > 1)

    assert await sync_to_async(accounts.delete)(alice) is True

    await eventually(lambda: not any(known()))
    await eventually(lambda: MARK not in dump(server))
