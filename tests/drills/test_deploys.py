"""New versions are rolled out while answers are written."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from .audit import Site, aside, eventually, together
from .readers import MUCH, Reader, stalled
from .servers import Nginx, nginx, private_folder

PROMPT = "n=150 pace=0.03"


@pytest.fixture
def proxy(site: Site) -> Iterator[Nginx]:
    ports = [member.port for member in site.cluster.web]
    with private_folder() as folder, nginx(folder, ports) as proxy:
        yield proxy


class TestRolling:
    async def test_no_reader_notices_a_rolling_restart(
        self, site: Site, proxy: Nginx
    ) -> None:
        """Each process in turn, when ten more answers have begun: half of them read
        behind nginx, which is not told of anything."""
        readers, asked, codes = [], [], set()
        async with site.alice() as session, site.bob() as other:
            for name in site.cluster.members:
                more = [site.reader(session, first=n) for n in range(5)]
                more += [Reader(other, [proxy.url]) for _ in range(5)]
                asked += [asyncio.create_task(r.ask(PROMPT)) for r in more]
                await together(*(site.begun(reader) for reader in more))
                codes.add(await aside(site[name].terminate))
                await aside(site.cluster.up, name)
                readers += more
            await together(*asked)
        assert codes <= {0, -signal.SIGTERM}
        await site.check(readers, [PROMPT] * len(readers))
        assert all(reader.rewinds == 0 for reader in readers)
        assert any(len(reader.attempts) > 1 for reader in readers)
        assert any(reader.reconnects for reader in readers)
        crashes = site.postgres.sql(
            "SELECT sum(crashes) FROM chat_generation WHERE id = ANY(%s::uuid[])",
            [reader.generation for reader in readers],
        )
        assert crashes == [(0,)]

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
                path = f"/api/generations/{reader.generation}/stop"
                await site.post(session, path)
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
                await asyncio.sleep(1)
                assert await aside(site["w1"].terminate) in {0, -signal.SIGTERM}
            late = site.reader(session, generation=generation, first=1)
            await together(late.follow())
        await site.check([late], [MUCH])
        # uvicorn says so, and with a traceback: not among the complaints.
        log = site["w1"].log
        assert "graceful shutdown exceeded" in await aside(log.read_text)
        await aside(log.write_text, "")

    async def test_it_hands_over_even_while_the_database_is_away(
        self, site: Site
    ) -> None:
        """It cannot say so: the lease runs out, and the tape has the text."""
        prompt = "n=100 pace=0.03"
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
