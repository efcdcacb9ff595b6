"""News of a user's conversations, for all their open pages, by the channel layer.

A layer message is a nudge: it may be lost, and who gets it reads the row again.
"""

from __future__ import annotations

import asyncio
import logging

from channels.layers import get_channel_layer

from . import nudges

logger = logging.getLogger(__name__)

MAX_PENDING = 1000
_pending: set[asyncio.Task[None]] = set()


def group_of(user_id: int | str) -> str:
    """The channel-layer group of all open pages of a user."""
    return f"user.{user_id}"


def start() -> None:
    nudges.changed.connect(tell)


def stop() -> None:
    nudges.changed.disconnect(tell)


def tell(user_id: str, action: str, conversation: str) -> None:
    """On the loop: pass a change on to the user's pages, in every process."""
    if len(_pending) >= MAX_PENDING:
        return
    task = asyncio.create_task(_send(user_id, action, conversation))
    _pending.add(task)
    task.add_done_callback(_pending.discard)


async def _send(user_id: str, action: str, conversation: str) -> None:
    message = {
        "type": "conversation.changed",
        "action": action,
        "conversation": conversation,
    }
    try:
        await get_channel_layer().group_send(group_of(user_id), message)
    except Exception as error:
        logger.warning("cannot tell of a conversation: %s", error)
