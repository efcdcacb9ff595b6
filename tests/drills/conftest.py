"""Two web and two runner processes for all drills; each test leaves them whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from .audit import Site, check_leaks, settled
from .cluster import Cluster, shared
from .servers import RedisServer, private_folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with shared(w1="web", w2="web", r1="runner", r2="runner") as cluster:
        yield cluster
    assert cluster.complaints() == []


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    with private_folder() as folder:
        server = RedisServer(folder)
        yield server
        server.stop()


@pytest.fixture
def site(cluster: Cluster) -> Iterator[Site]:
    """All processes are there; afterwards nothing is left of what the test did."""
    cluster.up()
    yield Site(cluster)
    cluster.up()
    asyncio.run(settled(cluster))
    asyncio.run(check_leaks(cluster))
