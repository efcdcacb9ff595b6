"""Nudges: "look again". Losing one costs latency, never data.

Senders are database code in any thread; listeners live on the event loop and are
called there. A tape that many processes share relays them to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Nudge:
    """One kind of news. Without a listener, sending does nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: dict[Callable[..., None], asyncio.AbstractEventLoop] = {}
        self._relays: dict[Callable[[str, str], None], asyncio.AbstractEventLoop] = {}

    def connect(self, listener: Callable[..., None]) -> None:
        """Call `listener` on this loop from now on."""
        self._listeners[listener] = asyncio.get_running_loop()

    def disconnect(self, listener: Callable[..., None]) -> None:
        self._listeners.pop(listener, None)

    def relay(self, to_others: Callable[[str, str], None]) -> None:
        """Also tell other processes, by `to_others(name, news)` on this loop."""
        self._relays[to_others] = asyncio.get_running_loop()

    def unrelay(self, to_others: Callable[[str, str], None]) -> None:
        self._relays.pop(to_others, None)

    def send(self, *news: str) -> None:
        """Tell the listeners here and everywhere."""
        self.deliver(*news)
        for relay, loop in list(self._relays.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(relay, self.name, "".join(news))

    def deliver(self, *news: str) -> None:
        """Tell the listeners of this process."""
        for listener, loop in list(self._listeners.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(listener, *news)


queue = Nudge("queue")
"""Something was queued, or may run that could not before."""
stop = Nudge("stop")
"""The generation with this id was asked to stop."""
ended = Nudge("ended")
"""The generation with this id ended without its runner."""

rules = Nudge("rules")
"""The guard's rules changed."""
quotas = Nudge("quotas")
"""What users and groups may has changed, or who is in a group."""

changed = Nudge("changed")
"""A conversation changed: the owner's id, the action (created, updated, deleted), the
conversation's id. Delivered in this process, which tells the others through the
channel layer."""

answered = Nudge("answered")
"""The generation with this id is done. Delivered in the process that wrote it."""


access = Nudge("access")
"""What a user may do has changed; the user's id. Delivered like `changed`."""


def conversation_changed(user: object, action: str, conversation: object) -> None:
    """After the commit: tell the user's open pages."""
    changed.deliver(str(user), action, str(conversation))


def access_changed(user: object) -> None:
    """After the commit: let the user's sockets ask whether they may still be there."""
    access.deliver(str(user))


erased = Nudge("erased")
"""The generations with these ids, a comma between them, are to be forgotten. Told to
other processes by `chat.tape.wipe`."""

ALL = (queue, stop, ended, rules, quotas)
BY_NAME = {nudge.name: nudge for nudge in (*ALL, erased)}
