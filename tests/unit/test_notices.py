from __future__ import annotations

import asyncio

import pytest

from chat import notices, nudges
from chat.notices import Notices
from tests.reading import PATIENCE


class Deaf:
    """As Redis' client is while it connects."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def group_send(self, group: str, message: dict[str, str]) -> None:
        self.asked.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            return


async def test_it_stops_when_a_cancellation_was_swallowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Deaf()
    monkeypatch.setattr(notices, "get_channel_layer", lambda: layer)
    here = Notices()
    here.start()
    nudges.changed.deliver("1", "updated", "a conversation")
    await layer.asked.wait()

    await asyncio.wait_for(here.stop(), PATIENCE)
