"""What everything stands on goes away for a while: Redis, PostgreSQL, the disk."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

from .audit import Site, aside, eventually, together
from .cluster import single
from .readers import Reader, caller, truth

PROMPT = "n=150 pace=0.02"
AWAY_SECONDS = 4


async def asking(site: Site, readers: list[Reader], prompt: str = PROMPT):
    tasks = [asyncio.create_task(reader.ask(prompt)) for reader in readers]
    await together(*(site.begun(reader, 40) for reader in readers))
    return tasks


class TestRedis:
    async def drill(self, site: Site, *, forget: bool, away: float = 0) -> list[Reader]:
        async with site.alice() as session:
            readers = [site.reader(session) for _ in range(6)]
            asked = await asking(site, readers)
            site.redis.kill(forget=forget)
            await asyncio.sleep(away)
            await aside(site.redis.start)
            # One that was queued while it was away, and one that comes now.
            late = [site.reader(session) for _ in range(2)]
            asked += [asyncio.create_task(reader.ask(PROMPT)) for reader in late]
            await together(*asked)
        await site.check(readers + late, [PROMPT] * 8)
        assert site.undisturbed(readers)
        return readers

    async def test_it_goes_on_when_redis_restarts_with_its_data(
        self, site: Site
    ) -> None:
        readers = await self.drill(site, forget=False)

        assert all("snapshot" not in reader.names for reader in readers)

    async def test_it_goes_on_when_redis_lost_its_data(self, site: Site) -> None:
        await self.drill(site, forget=True)

    async def test_answers_end_while_redis_is_away(self, site: Site) -> None:
        """The row has the end; readers look at it now and then."""
        async with site.alice() as session:
            readers = [site.reader(session) for _ in range(4)]
            asked = await asking(site, readers)
            site.redis.kill(forget=True)
            await together(*asked)
            await aside(site.redis.start)
        await site.check(readers, [PROMPT] * 4)

    async def test_a_process_that_starts_while_redis_is_away_serves_afterwards(
        self, site: Site
    ) -> None:
        async with site.alice() as session:
            reader = site.reader(session)
            [asked] = await asking(site, [reader])
            site.redis.kill(forget=True)
            for name in ("w1", "r1", "r2"):
                site[name].kill()
                site[name].start()
            await asyncio.sleep(1)
            await aside(site.redis.start)
            await aside(site.cluster.up)
            await together(asked)
        await site.check([reader], [PROMPT])


class TestDatabase:
    async def test_it_goes_on_when_postgresql_restarts(self, site: Site) -> None:
        async with site.alice() as session:
            readers = [site.reader(session) for _ in range(6)]
            asked = await asking(site, readers)
            await aside(site.postgres.stop)
            await aside(site.postgres.start)
            late = [site.reader(session) for _ in range(2)]
            asked += [asyncio.create_task(reader.ask(PROMPT)) for reader in late]
            await together(*asked)
        # Those who asked or came back meanwhile were told to come again.
        for reader in late + readers:
            assert set(reader.problems) <= {"HTTP 503"}
            reader.problems.clear()
        await site.check(readers + late, [PROMPT] * 8)
        assert all("snapshot" not in reader.names for reader in readers)

    async def test_it_goes_on_while_the_database_is_away(self, site: Site) -> None:
        """Longer than a lease, and some answers end meanwhile."""
        short, long = "n=40 pace=0.02", "n=3000 pace=0.02"
        async with site.alice() as session:
            readers = [site.reader(session) for _ in range(4)]
            ends, stay = readers[::2], readers[1::2]
            asked = [asyncio.create_task(reader.ask(short)) for reader in ends]
            asked += [asyncio.create_task(reader.ask(long)) for reader in stay]
            await together(*(site.begun(reader, 40) for reader in readers))
            await aside(site.postgres.stop)
            before = [len(reader.text) for reader in stay]
            await asyncio.sleep(AWAY_SECONDS)
            await together(
                *(site.begun(r, then + 1) for r, then in zip(stay, before, strict=True))
            )
            refused = await site.post(session, "/api/chat", json={"prompt": "hello"})
            await aside(site.postgres.start)
            for reader in stay:
                await site.stop(session, reader.generation)
            await together(*asked)
        await site.check(ends, [short] * 2)
        for reader in stay:
            await site.check_stopped(reader, long)
        assert refused["error"]["code"] == "unavailable"


def fill(pid: int, file: Path | None) -> None:
    """That file of the process cannot grow any more; None: it can again."""
    size = file.stat().st_size if file else resource.RLIM_INFINITY
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def shows(reader: Reader, characters: int) -> None:
    await eventually(lambda: len(reader.text) >= characters)


class TestDisk:
    async def test_it_goes_on_when_the_disk_has_room_again(self) -> None:
        with single() as cluster:
            database = Path(cluster.env["DATABASE_URL"].removeprefix("sqlite:///"))
            pid, count, ended = cluster["all"].pid, 75, True
            async with caller(cluster.keys["alice"]) as session:
                while ended:  # before the disk was full
                    count *= 2
                    prompt = f"n={count} pace=0.02"
                    reader, refused = (Reader(session, cluster.urls) for _ in "ab")
                    asked = asyncio.create_task(reader.ask(prompt))
                    await shows(reader, 40)
                    fill(pid, Path(f"{database}-wal"))
                    refusal = asyncio.create_task(refused.ask("n=5"))
                    await shows(reader, len(truth(prompt)))
                    await asyncio.sleep(1)
                    ended = asked.done() or not refused.problems
                    fill(pid, None)
                    await together(asked, refusal)
            assert set(refused.problems) == {"HTTP 503"}
            assert (reader.text, reader.problems) == (truth(prompt), [])
            assert refused.text == truth("n=5")
        assert cluster.complaints() == []
