"""What must be true after every drill."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from .cluster import Cluster, Member
from .readers import Reader, caller, truth

SETTLE_SECONDS = 60
CONNECTIONS = 11
"""To the database, a process at most: eight threads for requests, three behind."""
SOCKETS = 40
"""Of all kinds, a process at rest at most."""


async def aside(work: Callable[..., Any], *args: Any) -> Any:
    """Slow work that must not hold up the readers of this process."""
    return await asyncio.to_thread(work, *args)


async def eventually(
    look: Callable[[], Any], within: float = SETTLE_SECONDS, every: float = 0.02
) -> Any:
    async with asyncio.timeout(within):
        # Other processes tell nobody here.
        while not (found := await aside(look)):  # noqa: ASYNC110
            await asyncio.sleep(every)
        return found


class Site:
    """The cluster, as its clients and its operator know it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        assert cluster.redis is not None
        assert cluster.postgres is not None
        self.redis, self.postgres = cluster.redis, cluster.postgres

    def __getitem__(self, name: str) -> Member:
        return self.cluster[name]

    def alice(self) -> Any:
        return caller(self.cluster.keys["alice"])

    def bob(self) -> Any:
        return caller(self.cluster.keys["bob"])

    def reader(self, session: aiohttp.ClientSession, **fields: Any) -> Reader:
        return Reader(session, self.cluster.urls, **fields)

    async def begun(self, reader: Reader, characters: int = 1) -> None:
        """Once the reader shows that much."""
        await eventually(lambda: len(reader.text) >= characters)

    async def owner(self, generation: str) -> Member:
        """The process that drives it."""

        def look() -> Member | None:
            rows = self.postgres.sql(
                "SELECT owner FROM chat_generation WHERE id = %s AND status='running'",
                generation,
            )
            pids = {str(m.pid): m for m in self.cluster.members.values() if m.lives}
            return pids.get(rows[0][0].split(":")[-2]) if rows else None

        owner: Member = await eventually(look)
        return owner

    def is_over(self, generation: str, status: str = "done") -> bool:
        """Whether all of it is written."""
        done = "SELECT 1 FROM chat_generation WHERE id = %s AND status = %s"
        return bool(self.postgres.sql(done, generation, status))

    async def post(
        self, session: aiohttp.ClientSession, path: str, name: str = "w1", **more: Any
    ) -> Any:
        async with session.post(f"{self[name].url}{path}", **more) as response:
            return await response.json()

    async def stop(
        self, session: aiohttp.ClientSession, generation: str, name: str = "w2"
    ) -> Any:
        return await self.post(session, f"/api/generations/{generation}/stop", name)

    async def check(self, readers: Iterable[Reader], prompts: Iterable[str]) -> None:
        """Each answer is whole, for its reader and in the database."""
        await settled(self.cluster)
        for reader, prompt in zip(readers, prompts, strict=True):
            assert reader.problems == []
            assert reader.end is not None
            assert reader.end.get("finish_reason") == "stop", reader.end
            assert reader.text == truth(prompt)
            self.check_row(reader.generation, prompt)

    def undisturbed(self, readers: Iterable[Reader]) -> bool:
        """Whether nobody but its first owner drove any of it; on a machine that stands
        still for longer than a lease, somebody may have to."""
        return all(
            reader.attempts == {1} or self.lost_a_lease(reader.generation)
            for reader in readers
        )

    def lost_a_lease(self, generation: str) -> bool:
        """Whether an owner that lives came too late to keep it."""
        told = f"lease of {generation} was taken over"
        return any(told in member.said() for member in self.cluster.members.values())

    async def check_stopped(self, reader: Reader, prompt: str) -> None:
        """What its reader was told is what is kept: a beginning of the true text."""
        await settled(self.cluster)
        assert reader.problems == []
        assert reader.end is not None
        assert reader.end.get("finish_reason") == "stopped", reader.end
        assert reader.text == self.check_row(reader.generation, prompt, "stopped")

    def check_row(self, generation: str, prompt: str, status: str = "done") -> str:
        """The stored text, which is the beginning of the true one."""
        ((found, text, shown, left),) = self.postgres.sql(
            "SELECT g.status, m.content, m.status, g.text || g.token_ids"
            " FROM chat_generation g JOIN chat_message m ON m.id = g.message_id"
            " WHERE g.id = %s",
            generation,
        )
        assert (found, shown, left) == (status, status, "")
        whole = truth(prompt)
        assert text == whole if status == "done" else whole.startswith(text)
        return str(text)


async def together(*work: Awaitable[Any], within: float = 200) -> list[Any]:
    """All of it, in time."""
    async with asyncio.timeout(within):
        return await asyncio.gather(*work)


async def settled(cluster: Cluster) -> None:
    """Nothing is stuck."""
    postgres = cluster.postgres
    assert postgres is not None
    live = "SELECT id FROM chat_generation WHERE status IN ('queued', 'running')"
    await eventually(lambda: not postgres.sql(live))
    bad = "SELECT id FROM chat_generation WHERE status = 'failed' AND error_code = ''"
    assert postgres.sql(bad) == []
    live = "SELECT id FROM chat_message WHERE status IN ('queued', 'running')"
    assert postgres.sql(live) == []


async def check_leaks(cluster: Cluster) -> None:
    """Connections are those that are kept: no more, however many answers there were."""
    postgres, redis = cluster.postgres, cluster.redis
    assert postgres is not None
    assert redis is not None
    # Of a process that was killed, and of readers that left, some may still be there.
    await eventually(lambda: keeps_few(cluster, postgres.connections()))
    # The tape: one that waits, one that adds; the channel layer's, one a web process.
    await eventually(lambda: redis.connections() <= 4 * len(cluster.members))
    for member in cluster.members.values():
        await eventually(partial(has_few_sockets, member))


def keeps_few(cluster: Cluster, held: dict[str, int]) -> bool:
    few = max(held.values(), default=0) <= CONNECTIONS
    return few and set(held) <= set(cluster.members)


def has_few_sockets(member: Member) -> bool:
    return open_sockets(member) < SOCKETS


def open_sockets(member: Member) -> int:
    found = 0
    for link in Path(f"/proc/{member.pid}/fd").iterdir():
        try:
            found += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return found
