"""News for all open pages of a user, by the channel layer: their conversations, and
that they may have to go.

A layer message is a nudge: it may be lost, and who gets it reads the row again. One
loop passes them on, one after the other: sent all at once, a burst of news would open
a connection to Redis for each.
"""

from __future__ import annotations

import asyncio
import logging

from channels.layers import InMemoryChannelLayer, get_channel_layer

from . import nudges

logger = logging.getLogger(__name__)

MAX_PENDING = 10_000


def group_of(user_id: int | str) -> str:
    """The channel-layer group of all open pages of a user."""
    return f"user.{user_id}"


def nobody_listens(user_id: str) -> bool:
    """Where there is one process, none of the user's pages may be open. A layer that
    processes share does not say."""
    layer = get_channel_layer()
    return isinstance(layer, InMemoryChannelLayer) and not layer.groups.get(
        group_of(user_id)
    )


class Notices:
    def __init__(self) -> None:
        self._pending: asyncio.Queue[tuple[str, dict[str, str]]] = asyncio.Queue(
            MAX_PENDING
        )
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        nudges.changed.connect(self.tell)
        nudges.access.connect(self.warn)
        self._loop = asyncio.create_task(self._pass_on(), name="notices")

    async def stop(self) -> None:
        nudges.changed.disconnect(self.tell)
        nudges.access.disconnect(self.warn)
        while self._loop is not None and not self._loop.done():
            # Redis' client swallows a cancellation that comes while it connects.
            self._loop.cancel()
            await asyncio.wait([self._loop], timeout=0.1)

    def tell(self, user_id: str, action: str, conversation: str) -> None:
        """On the loop: pass a change on to the user's pages, in every process."""
        news = {"action": action, "conversation": conversation}
        self._put(user_id, {"type": "conversation.changed", **news})

    def warn(self, user_id: str) -> None:
        self._put(user_id, {"type": "access.changed"})

    def _put(self, user_id: str, message: dict[str, str]) -> None:
        if not (self._pending.full() or nobody_listens(user_id)):
            self._pending.put_nowait((user_id, message))

    async def _pass_on(self) -> None:
        while True:
            user_id, message = await self._pending.get()
            try:
                await get_channel_layer().group_send(group_of(user_id), message)
            except Exception as error:
                logger.warning("cannot tell the news: %s", error)
