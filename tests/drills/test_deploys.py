"""New versions are rolled out while answers are written."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .audit import Site, aside, eventually, together
from .readers import MUCH, Reader, stalled
from .servers import Nginx, nginx, private_folder

PROMPT = "n=60 pace=0.03"
WAITS = "n=60 pace=0.03 hang=30,"
"""Its first owner never comes to its end: it has to be told to end itself."""


@pytest.fixture
def proxy(site: Site) -> Iterator[Nginx]:
    ports = [member.port for member in site.cluster.web]
    with private_folder() as folder, nginx(folder, ports) as proxy:
        yield proxy


def unsent(port: int) -> int:
    """Bytes that the kernel has from connections at this port and cannot pass on."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = (line.split() for line in lines)
    of_port = [row[4] for row in rows if int(row[1].rpartition(":")[2], 16) == port]
    return sum(int(queues.partition(":")[0], 16) for queues in of_port)


class TestRolling:
    async def test_no_reader_notices_a_rolling_restart(
        self, site: Site, proxy: Nginx
    ) -> None:
        """Each process in turn, when ten more answers have begun: half of them read
        behind nginx, which is not told of anything."""
        readers, asked, prompts, codes = [], [], [], set()
        async with site.alice() as session, site.bob() as other:
            for name in site.cluster.members:
                more = [site.reader(session, first=n) for n in range(5)]
                more += [Reader(other, [proxy.url]) for _ in range(5)]
                # Who owns the last ones may be new already, and stay.
                prompt = PROMPT if name == "r2" else WAITS
                asked += [asyncio.create_task(r.ask(prompt)) for r in more]
                prompts += [prompt] * len(more)
                await together(*(site.begun(reader) for reader in more))
                codes.add(await aside(site[name].terminate))
                await aside(site.cluster.up, name)
                readers += more
            await together(*asked)
        assert codes <= {0, -signal.SIGTERM}
        await site.check(readers, prompts)
        assert all(reader.rewinds == 0 for reader in readers)
        assert all(len(reader.attempts) > 1 for reader in readers[:30])
        assert any(reader.reconnects for reader in readers)
        crashed = site.postgres.sql(
            "SELECT id::text FROM chat_generation"
            " WHERE crashes > 0 AND id = ANY(%s::uuid[])",
            [reader.generation for reader in readers],
        )
        assert [pk for (pk,) in crashed if not site.lost_a_lease(pk)] == []

    async def test_what_was_not_begun_is_not_lost(self, site: Site) -> None:
        """Handed back before a first word, then read from a process that is new."""
        async with site.alice() as session:
            readers = [site.reader(session) for _ in range(3)]
            prompt = "n=5 pace=30"
            asked = [asyncio.create_task(r.ask(prompt)) for r in readers]
            await eventually(lambda: all(r.generation for r in readers))
            for names in (("r1", "r2"), ("w1", "w2")):
                await together(*(aside(site[name].terminate) for name in names))
                await aside(site.cluster.up)
            (await site.owner(readers[0].generation)).kill()
            for reader in readers:
                await site.stop(session, reader.generation)
            await together(*asked)
        assert all(reader.problems == [] for reader in readers)

    async def test_it_stops_in_time_beside_a_client_that_does_not_read(
        self, site: Site
    ) -> None:
        """`--timeout-graceful-shutdown` bounds it."""
        async with site.alice() as session:
            url, key = site["w1"].url, site.cluster.keys["alice"]
            async with stalled(url, key, MUCH) as generation:
                # All of it is written, and more than its connection can take.
                await eventually(lambda: site.is_over(generation))
                await eventually(lambda: unsent(site["w1"].port) > 5_000)
                assert await aside(site["w1"].terminate) in {0, -signal.SIGTERM}
            late = site.reader(session, generation=generation, first=1)
            await together(late.follow())
        await site.check([late], [MUCH])
        assert "graceful shutdown exceeded" in await aside(site["w1"].said)

    async def test_it_hands_over_even_while_the_database_is_away(
        self, site: Site
    ) -> None:
        """It cannot say so: the lease runs out, and the tape has the text."""
        prompt = "n=80 pace=0.03 hang=40,"
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(prompt))
            await site.begun(reader, 40)
            owner = await site.owner(reader.generation)
            await aside(site.postgres.stop)
            await asyncio.sleep(0.5)
            assert await aside(owner.terminate) in {0, -signal.SIGTERM}
            await aside(site.postgres.start)
            await together(asked)
        reader.problems.clear()
        await site.check([reader], [prompt])
        assert reader.rewinds == 0
