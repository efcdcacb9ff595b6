"""Two web and two runner processes for all drills; each test leaves them whole.

They end with the package: what follows in this process has the machine to itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from .audit import Site, check_leaks, settled
from .cluster import Cluster, shared
from .servers import RedisServer, private_folder


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with shared(w1="web", w2="web", r1="runner", r2="runner") as cluster:
        yield cluster
    assert cluster.complaints() == []


@pytest.fixture(scope="package")
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
