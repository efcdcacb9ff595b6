"""What must be true after every drill."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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

    def is_over(self, generation: str) -> bool:
        """Whether all of it is written."""
        done = "SELECT 1 FROM chat_generation WHERE id = %s AND status = 'done'"
        return bool(self.postgres.sql(done, generation))

    async def post(
        self, session: aiohttp.ClientSession, path: str, name: str = "w1", **more: Any
    ) -> Any:
        async with session.post(f"{self[name].url}{path}", **more) as response:
            return await response.json()

    async def check(self, readers: Iterable[Reader], prompts: Iterable[str]) -> None:
        """Each answer is whole, for its reader and in the database."""
        await settled(self.cluster)
        for reader, prompt in zip(readers, prompts, strict=True):
            assert reader.problems == []
            assert reader.end is not None
            assert reader.end.get("finish_reason") == "stop", reader.end
            assert reader.text == truth(prompt)
            self.check_row(reader.generation, prompt)

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


async def together(*work: Awaitable[Any], within: float = 120) -> list[Any]:
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
    held = postgres.connections()
    assert set(held) <= set(cluster.members), held
    assert max(held.values(), default=0) <= CONNECTIONS, held
    # The tape: one that waits, one that adds; the channel layer's, one a web process.
    await eventually(lambda: redis.connections() <= 4 * len(cluster.members))
    for member in cluster.members.values():
        assert open_sockets(member) < SOCKETS, member.name


def open_sockets(member: Member) -> int:
    found = 0
    for link in Path(f"/proc/{member.pid}/fd").iterdir():
        try:
            found += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return found
