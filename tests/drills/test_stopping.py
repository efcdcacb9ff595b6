"""Stop, from any process, at any time."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from .audit import Site, aside, eventually, together
from .readers import Reader, truth

PROMPT = "n=2000 pace=0.02"


async def stop(
    site: Site, session: aiohttp.ClientSession, reader: Reader, name: str = "w2"
) -> dict[str, Any]:
    answer: dict[str, Any] = await site.stop(session, reader.generation, name)
    return answer


async def stopped(site: Site, session: aiohttp.ClientSession) -> Reader:
    """The reader of an answer that was stopped."""
    reader = site.reader(session)
    asked = asyncio.create_task(reader.ask(PROMPT))
    await site.begun(reader, 20)
    await stop(site, session, reader)
    await together(asked)
    return reader


class TestStop:
    async def test_it_reaches_the_engine_in_another_process_at_once(
        self, site: Site
    ) -> None:
        async with site.alice() as session:
            found = [await stopped(site, session) for _ in range(5)]
            twice = await stop(site, session, found[0], "w1")
        for reader in found:
            assert reader.end is not None
            assert reader.end["finish_reason"] == "stopped"
            assert reader.problems == []
            text = site.check_row(reader.generation, PROMPT, "stopped")
            assert reader.text == text
            assert reader.end["usage"]["completion_tokens"] == len(text.split())
        assert twice["status"] == "stopped"
        assert twice["text"] == found[0].text

    async def test_it_ends_one_that_nobody_has_begun(self, site: Site) -> None:
        async with site.alice() as session:
            for name in ("r1", "r2"):
                await aside(site[name].terminate)
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(PROMPT))
            await eventually(lambda: "queued" in reader.names)
            answer = await stop(site, session, reader)
            await together(asked)
            await aside(site.cluster.up)
        assert (answer["status"], answer["text"]) == ("stopped", "")
        assert reader.end is not None
        assert reader.end["finish_reason"] == "stopped"
        assert site.check_row(reader.generation, PROMPT, "stopped") == ""

    async def test_after_the_end_it_changes_nothing(self, site: Site) -> None:
        async with site.alice() as session:
            reader = await together(site.reader(session).ask("n=5"))
            answer = await stop(site, session, reader[0])
        assert (answer["status"], answer["text"]) == ("done", truth("n=5"))
        await site.check(reader, ["n=5"])

    async def test_it_is_heard_when_redis_cannot_say_it(self, site: Site) -> None:
        """The owner looks at the row, three times a lease."""
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(PROMPT))
            await site.begun(reader, 20)
            site.redis.kill(forget=True)
            await stop(site, session, reader)
            await together(asked)
            await aside(site.redis.start)
        site.check_row(reader.generation, PROMPT, "stopped")

    async def test_nobody_else_can(self, site: Site) -> None:
        async with site.alice() as session, site.bob() as other:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask("n=60 pace=0.02"))
            await site.begun(reader)
            answer = await stop(site, other, reader)
            await together(asked)
        assert answer["error"]["code"] == "not_found"
        await site.check([reader], ["n=60 pace=0.02"])
