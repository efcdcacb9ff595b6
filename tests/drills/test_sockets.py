"""WebSockets on real processes: pages that stay in step, wherever they are open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from .audit import SETTLE_SECONDS, Site, aside, eventually
from .readers import truth


class Page:
    """An open socket, and what it shows."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.text, self.cursor = "", 0
        self.messages: list[dict[str, Any]] = []

    async def say(self, kind: str, generation: str, **more: Any) -> None:
        await self.socket.send_json({"type": kind, "generation": generation, **more})

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                message = await self.socket.receive_json()
                self.take(message)
                if wanted(message):
                    return message

    def take(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message["type"] != "event" or message["seq"] <= self.cursor:
            return
        self.cursor = message["seq"]
        if message["event"] == "delta":
            self.text += message["data"].get("text", "")
        elif message["event"] == "snapshot":
            self.text = message["data"]["text"]

    async def end(self) -> dict[str, Any]:
        return await self.until(lambda message: message["type"] == "end")

    async def changed(self, conversation: str, action: str) -> dict[str, Any]:
        def is_it(message: dict[str, Any]) -> bool:
            wanted = ("conversation", action, conversation)
            told = message.get("conversation", {}).get("id")
            return (message["type"], message.get("action"), told) == wanted

        return await self.until(is_it)


def opened(site: Site, session: aiohttp.ClientSession, name: str, **more: Any) -> Any:
    return session.ws_connect(f"{site[name].url}/ws/", **more)


async def ask(site: Site, session: aiohttp.ClientSession, prompt: str) -> str:
    url, body = f"{site['w1'].url}/api/chat/stream", {"prompt": prompt}
    async with session.post(url, json=body) as response:
        return response.headers["X-Generation-Id"]


class TestSockets:
    async def test_it_follows_from_the_cursor_after_its_process_died(
        self, site: Site
    ) -> None:
        prompt = "n=100 pace=0.02 hang=40"
        said = len(truth("n=40"))
        async with site.alice() as session:
            generation = await ask(site, session, prompt)
            async with opened(site, session, "w1") as socket:
                page = Page(socket)
                await page.say("watch", generation)
                await page.until(lambda message: len(page.text) > 40)
                site["w1"].kill()
                with pytest.raises((TypeError, aiohttp.WSMessageTypeError)):
                    await page.end()
            async with opened(site, session, "w2") as socket:
                page.socket = socket
                await page.say("watch", generation, after=page.cursor)
                if len(page.text) < said:
                    await page.until(lambda message: len(page.text) >= said)
                await page.say("stop", generation)
                await page.end()
        assert page.text == site.check_row(generation, prompt, "stopped")
        names = [message.get("event") for message in page.messages]
        assert "snapshot" not in names

    async def test_it_watches_many_and_lets_go_of_them(self, site: Site) -> None:
        async with site.alice() as session, opened(site, session, "w2") as socket:
            page = Page(socket)
            left = await ask(site, session, "n=500 pace=0.02")
            stays = await ask(site, session, "n=50 pace=0.02 hang=30")
            await page.say("watch", left)
            await page.say("watch", stays)
            of_left = ("delta", left)
            await page.until(lambda m: (m.get("event"), m.get("generation")) == of_left)
            await page.say("unwatch", left)
            await page.say("stop", left)
            await eventually(lambda: site.is_over(left, "stopped"))
            await page.say("stop", stays)
            end = await page.end()
            last = [m for m in page.messages if m.get("generation") == left][-1]
        assert end["generation"] == stays
        assert last["event"] != "done"
        assert site.check_row(left, "n=500", "stopped")

    async def test_nobody_watches_or_stops_what_is_not_theirs(self, site: Site) -> None:
        async with site.alice() as session, site.bob() as other:
            generation = await ask(site, session, "n=40 pace=0.02")
            async with opened(site, other, "w1") as socket:
                page = Page(socket)
                for kind in ("watch", "stop"):
                    await page.say(kind, generation)
                    answer = await page.until(lambda message: True)
                    assert (answer["type"], answer["code"]) == ("error", "not_found")
            await site.reader(session, generation=generation).follow()
        site.check_row(generation, "n=40")

    async def test_pages_of_other_sites_and_strangers_are_refused(
        self, site: Site
    ) -> None:
        async with site.alice() as session, aiohttp.ClientSession() as stranger:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await opened(site, session, "w1", origin="https://evil.example")
            async with opened(site, session, "w1", origin="http://127.0.0.1") as own:
                await Page(own).say("watch", "none of ours")
                assert (await own.receive_json())["code"] == "invalid_message"
            async with opened(site, stranger, "w1") as socket:
                await socket.receive(60)
                assert socket.close_code == 4401

    async def test_changes_reach_pages_on_both_processes(self, site: Site) -> None:
        async with (
            site.alice() as session,
            site.bob() as other,
            opened(site, session, "w1") as first,
            opened(site, session, "w2") as second,
            opened(site, other, "w1") as foreign,
        ):
            pages = [Page(first), Page(second)]
            path, place = "/api/conversations", site["w2"].url
            # Once something arrives, a page belongs to its user's group.
            for page in [*pages, Page(foreign)]:
                await page.say("watch", "are you there")
                await page.until(lambda message: True)
            made = await site.post(session, path, json={"title": "One"})
            for page in pages:
                news = await page.changed(made["id"], "created")
                assert news["conversation"]["title"] == "One"
            url, new = f"{place}{path}/{made['id']}", {"title": "Two"}
            async with session.patch(url, json=new) as response:
                assert response.status == 200
            for page in pages:
                news = await page.changed(made["id"], "updated")
                assert news["conversation"]["title"] == "Two"
            async with session.delete(url) as response:
                assert response.status in (200, 204)
            for page in pages:
                await page.changed(made["id"], "deleted")
            with pytest.raises(TimeoutError):
                await foreign.receive(0.3)

    async def test_it_rides_out_silence_and_a_redis_restart(self, site: Site) -> None:
        """Longer than any time limit of the channel layer's own connection."""
        prompt = "n=100 pace=0.03"
        async with site.alice() as session, opened(site, session, "w1") as socket:
            await asyncio.sleep(6)
            generation = await ask(site, session, prompt)
            page = Page(socket)
            await page.say("watch", generation)
            await page.until(lambda message: len(page.text) > 40)
            site.redis.kill(forget=True)
            await aside(site.redis.start)
            try:
                await page.end()
            except (TypeError, aiohttp.WSMessageTypeError):
                # The layer's connection broke: the page opens another socket.
                async with opened(site, session, "w2") as other:
                    page.socket = other
                    await page.say("watch", generation, after=page.cursor)
                    await page.end()
        assert page.text == truth(prompt)
