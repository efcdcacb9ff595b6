"""A picture whose runner dies is drawn again, from the same seed."""

from __future__ import annotations

from typing import Any

import aiohttp

from .audit import Site, eventually, together

ASK = {"steps": 20, "size": "64x64", "seed": 7}
ALONE = {"Prefer": "respond-async"}


async def begin(site: Site, session: aiohttp.ClientSession, prompt: str) -> str:
    """The generation, which runs whether anybody watches or not."""
    body = {**ASK, "prompt": prompt}
    told = await site.post(session, "/api/images/stream", json=body, headers=ALONE)
    return str(told["generation"])


async def finished(
    site: Site, session: aiohttp.ClientSession, generation: str
) -> tuple[dict[str, Any], bytes]:
    """What is told of it, and its picture's file."""
    await eventually(lambda: site.is_over(generation))
    url = site["w2"].url
    async with session.get(f"{url}/api/generations/{generation}") as response:
        row = await response.json()
    async with session.get(url + row["images"][0]["url"]) as response:
        return row, await response.read()


async def stepped(site: Site, session: aiohttp.ClientSession, generation: str) -> None:
    """Until it has drawn some of it."""
    path = f"/api/generations/{generation}/stream"
    async with session.get(site["w1"].url + path) as response:
        async for line in response.content:
            if line == b"event: step\n":
                return
    raise AssertionError("it has ended")


async def test_another_runner_draws_the_same_picture(site: Site) -> None:
    async with site.alice() as session:
        undisturbed = await begin(site, session, "pace=0")
        alone, same = await finished(site, session, undisturbed)
        disturbed = await begin(site, session, "pace=0.05 hang=8,")
        await together(stepped(site, session, disturbed))
        (await site.owner(disturbed)).kill()

        row, picture = await finished(site, session, disturbed)

    assert row["attempt"] > alone["attempt"]
    assert len(row["images"]) == 1
    assert row["images"][0]["seed"] == 7
    assert picture == same


async def test_a_stopped_picture_frees_its_runner(site: Site) -> None:
    async with site.alice() as session:
        generation = await begin(site, session, "pace=0.2 hang=10")
        await together(stepped(site, session, generation))
        await site.stop(session, generation)
        await eventually(lambda: site.is_over(generation, "stopped"))
        async with session.get(
            f"{site['w1'].url}/api/generations/{generation}"
        ) as response:
            row = await response.json()

    assert row["images"] == []
    assert row["usage"]["completion_tokens"] == 0
