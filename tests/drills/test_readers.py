"""Many readers, odd readers, readers everywhere: all get the same text."""

from __future__ import annotations

import asyncio
import random
import uuid
from pathlib import Path

import aiohttp

from .audit import Site, eventually, together
from .readers import MUCH, Reader, stalled, truth
from .servers import nginx, private_folder

EVENTS = 300


async def begin(site: Site, session: aiohttp.ClientSession, prompt: str) -> Reader:
    """A reader who has seen nothing yet of an answer that is being written."""
    body = {"prompt": prompt}
    url = f"{site['w1'].url}/api/chat/stream"
    async with session.post(url, json=body) as response:
        return site.reader(session, generation=response.headers["X-Generation-Id"])


def boundaries(prompt: str) -> list[str]:
    """The text at each place where an event may end."""
    words = truth(prompt).split(" ")
    return [" ".join(words[:count]) for count in range(1, len(words) + 1)]


class TestResuming:
    """From one boundary at one process, from the next at the other."""

    async def test_it_resumes_at_every_boundary_while_it_is_written(
        self, site: Site
    ) -> None:
        prompt = f"n={EVENTS} pace=0.01"
        async with site.alice() as session:
            first = await begin(site, session, prompt)
            tasks = []
            for count, text in enumerate(boundaries(prompt), start=1):
                reader = site.reader(
                    session,
                    generation=first.generation,
                    text=text,
                    cursor=1_000_000 + count,
                    first=count,
                )
                tasks.append(asyncio.create_task(reader.follow()))
            readers = await together(*tasks)
            await together(first.follow())
        await site.check([first, *readers], [prompt] * (1 + len(readers)))
        # One that comes just as the answer ends may be given the row's text, ahead of
        # the tape: it goes on from what was seen all the same.
        assert sum(reader.rewinds for reader in readers) == 0

    async def test_it_resumes_at_every_boundary_when_it_is_finished(
        self, site: Site
    ) -> None:
        prompt = f"n={EVENTS} pace=0"
        async with site.alice() as session:
            first = await begin(site, session, prompt)
            await first.follow()
            readers = [
                site.reader(
                    session,
                    generation=first.generation,
                    text=text,
                    cursor=1_000_000 + count,
                    first=count,
                )
                for count, text in enumerate(boundaries(prompt), start=1)
            ]
            for some in range(0, len(readers), 50):
                await together(*(r.follow() for r in readers[some : some + 50]))
            url = f"{site['w2'].url}/api/generations/{first.generation}/stream"
            async with session.get(f"{url}?after={first.cursor}") as response:
                assert response.status == 204
        await site.check([first, *readers], [prompt] * (1 + len(readers)))

    async def test_readers_that_reload_at_random_lose_nothing(self, site: Site) -> None:
        prompt = "n=300 pace=0.01 zh"
        chance = random.Random(3)
        async with site.alice() as session:
            first = await begin(site, session, prompt)
            readers = [site.reader(session, generation=first.generation) for _ in "ab"]

            async def reload(reader: Reader) -> None:
                longest = 0.4
                while reader.end is None:
                    url = chance.choice(reader.urls)
                    longest += 0.02  # at last long enough for any machine
                    try:
                        async with asyncio.timeout(chance.uniform(0.01, longest)):
                            await reader.connect(url)
                    except TimeoutError:
                        continue

            await together(*map(reload, readers))
        await site.check(readers, [prompt] * 2)


class TestMany:
    async def test_two_hundred_read_one_answer(self, site: Site) -> None:
        prompt = "n=40 pace=0.03"
        async with site.alice() as session:
            first = await begin(site, session, prompt)
            readers = [
                site.reader(session, generation=first.generation, first=place)
                for place in range(200)
            ]
            await together(*(reader.follow() for reader in readers))
        await site.check(readers, [prompt] * 200)

    async def test_one_that_does_not_read_holds_up_nobody(self, site: Site) -> None:
        prompt = "n=100 pace=0.01"
        async with site.alice() as session:
            key = site.cluster.keys["alice"]
            async with stalled(site["w1"].url, key, MUCH) as generation:
                readers = [site.reader(session, first=place) for place in range(4)]
                await together(*(reader.ask(prompt) for reader in readers))
                await eventually(lambda: site.is_over(generation))
            # It comes back, from the beginning and to the end.
            late = site.reader(session, generation=generation)
            await together(late.follow())
        await site.check([*readers, late], [prompt] * 4 + [MUCH])


class TestRoles:
    async def test_a_retried_post_gives_the_same_answer_elsewhere(
        self, site: Site
    ) -> None:
        key, prompt = uuid.uuid4().hex, "n=30 pace=0.02"
        headers = {"Idempotency-Key": key}
        found = []
        async with site.alice() as session:
            for name in ("w1", "w2", "w1"):
                url = f"{site[name].url}/api/chat/stream"
                async with session.post(
                    url, json={"prompt": prompt}, headers=headers
                ) as response:
                    found.append(response.headers["X-Generation-Id"])
            # And when all come at once.
            again = {"Idempotency-Key": uuid.uuid4().hex}
            answers = await together(
                *(
                    site.post(
                        session,
                        "/api/chat",
                        name,
                        json={"prompt": prompt},
                        headers=again,
                    )
                    for name in ("w1", "w2") * 4
                )
            )
            reader = site.reader(session, generation=found[0])
            await together(reader.follow())
        assert len(set(found)) == 1
        assert len({answer["generation"] for answer in answers}) == 1
        assert {answer["response"] for answer in answers} == {truth(prompt)}
        await site.check([reader], [prompt])

    async def test_a_web_process_never_loads_the_models(self, site: Site) -> None:
        async with site.alice() as session:
            await together(site.reader(session).ask("n=3"))
        for name in ("w1", "w2"):
            maps = Path(f"/proc/{site[name].pid}/maps").read_text()
            assert "torch" not in maps
        running = site.postgres.sql("SELECT DISTINCT owner FROM chat_generation")
        pids = {owner.split(":")[-2] for (owner,) in running if owner}
        assert not pids & {str(site["w1"].pid), str(site["w2"].pid)}

    async def test_a_proxy_passes_each_event_on_at_once(self, site: Site) -> None:
        ports = [site["w1"].port, site["w2"].port]
        with private_folder() as folder, nginx(folder, ports) as proxy:
            async with site.alice() as session:
                for tokens in (1, 2, 20):  # and behind them nothing
                    reader = Reader(session, [proxy.url])
                    asked = asyncio.create_task(reader.ask(f"n=40 hang={tokens}"))
                    await site.begun(reader, len(truth(f"n={tokens}")))
                    await site.stop(session, reader.generation)
                    await together(asked)
                    await site.check_stopped(reader, "n=40")
