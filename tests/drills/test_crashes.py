"""Processes die without a word, freeze, or die again and again."""

from __future__ import annotations

import asyncio
import signal

from .audit import Site, aside, eventually, together
from .readers import truth

PROMPT = "n=80 pace=0.02"
CRASHES = "n=80 pace=0.02 hang=40,"
"""Its first owner never comes to its end."""
HANGS = "n=80 pace=0.02 hang=40"
ENDLESS = "n=3000 pace=0.02"


class TestKill:
    async def test_it_continues_when_the_runner_dies(self, site: Site) -> None:
        prompts = [CRASHES, *[PROMPT] * 3]
        async with site.alice() as session:
            readers = [site.reader(session) for _ in prompts]
            asked = [
                asyncio.create_task(reader.ask(prompt))
                for reader, prompt in zip(readers, prompts, strict=True)
            ]
            await together(*(site.begun(reader, 40) for reader in readers))
            owner = await site.owner(readers[0].generation)
            owner.kill()
            await together(*asked)
        await site.check(readers, prompts)
        assert 2 in readers[0].attempts
        assert all("snapshot" not in reader.names for reader in readers)

    async def test_its_reader_goes_on_when_the_web_process_dies(
        self, site: Site
    ) -> None:
        async with site.alice() as session:
            waits, *readers = [site.reader(session) for _ in range(4)]
            last = asyncio.create_task(waits.ask(HANGS))
            asked = [asyncio.create_task(r.ask(PROMPT)) for r in readers]
            await together(*(site.begun(reader, 40) for reader in (waits, *readers)))
            site["w1"].kill()
            await eventually(lambda: waits.reconnects)
            await together(*asked)
            await site.begun(waits, len(truth("n=40")))
            await site.stop(session, waits.generation)
            await together(last)
        await site.check(readers, [PROMPT] * 3)
        await site.check_stopped(waits, HANGS)
        assert site.undisturbed([waits, *readers])

    async def test_it_continues_when_both_die(self, site: Site) -> None:
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(CRASHES))
            await site.begun(reader, 40)
            site["w1"].kill()
            site["w2"].kill()
            (await site.owner(reader.generation)).kill()
            await aside(site.cluster.up)
            await together(asked)
        await site.check([reader], [CRASHES])

    async def test_it_continues_when_everything_dies(self, site: Site) -> None:
        """Redis and its data too: what is left is the last checkpoint."""
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(CRASHES))
            await site.begun(reader, 60)
            for member in site.cluster.members.values():
                member.kill()
            site.redis.kill(forget=True)
            await aside(site.redis.start)
            await aside(site.cluster.up)
            await together(asked)
        await site.check([reader], [CRASHES])


class TestFrozen:
    async def test_an_owner_that_wakes_up_late_changes_nothing(
        self, site: Site
    ) -> None:
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(ENDLESS))
            await site.begun(reader, 100)
            late = await site.owner(reader.generation)
            late.signal(signal.SIGSTOP)
            await eventually(lambda: 2 in reader.attempts)
            # The new owner drives it while the old one comes back to life.
            late.signal(signal.SIGCONT)
            assert await site.owner(reader.generation) is not late
            await site.begun(reader, len(reader.text) + 200)
            await site.stop(session, reader.generation)
            await together(asked)
            other = site.reader(session, generation=reader.generation)
            await other.follow()
        await site.check_stopped(reader, ENDLESS)
        assert other.text == reader.text
        assert {1, 2} <= reader.attempts

    async def test_a_frozen_web_process_costs_its_readers_a_reconnect(
        self, site: Site
    ) -> None:
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask("n=100 pace=0.02"))
            await site.begun(reader, 20)
            site["w1"].signal(signal.SIGSTOP)
            site["w2"].signal(signal.SIGSTOP)
            await asyncio.sleep(1)
            site["w2"].signal(signal.SIGCONT)
            await asyncio.sleep(1)
            site["w1"].signal(signal.SIGCONT)
            await together(asked)
        await site.check([reader], ["n=100 pace=0.02"])


class TestTooOften:
    async def test_after_five_crashes_it_fails_and_keeps_its_text(
        self, site: Site
    ) -> None:
        prompt = "n=500 pace=0.02 hang=100"
        kept = "SELECT 1 FROM chat_generation WHERE id = %s AND length(text) > 20"
        async with site.alice() as session:
            reader = site.reader(session)
            asked = asyncio.create_task(reader.ask(prompt))
            await site.begun(reader, 40)
            # Four died before; this is the last permitted attempt.
            site.postgres.sql(
                "UPDATE chat_generation SET crashes = 4 WHERE id = %s",
                reader.generation,
            )
            await eventually(lambda: site.postgres.sql(kept, reader.generation))
            (await site.owner(reader.generation)).kill()
            await together(asked)
            text = site.check_row(reader.generation, prompt, "failed")
        assert reader.end is not None
        assert reader.end["code"] == "too_many_attempts"
        assert reader.end["retryable"]
        assert reader.text == text
        assert truth(prompt).startswith(text)
        assert len(text) > 20
        assert reader.problems == []
