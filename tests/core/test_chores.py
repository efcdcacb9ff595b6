"""What a process does beside its answers."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from chat.models import Conversation, Passage
from chat.privacy import removal
from chat.running import chores
from chat.running.chores import Chore
from tests.core.helpers import ask
from tests.reading import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_what_has_ended_is_indexed_and_named(
    settings, alice: User, running
) -> None:
    settings.CHAT_AUTO_TITLES = True
    await sync_to_async(ask)(alice, "pace=0 n=3 hello")

    async def is_named() -> bool:
        return await Conversation.objects.filter(title="t0 t1 t2").aexists()

    async def is_indexed() -> bool:
        bodies = [row.body.strip() async for row in Passage.objects.all()]
        return sorted(bodies) == ["pace=0 n=3 hello", "t0 t1 t2", "t0 t1 t2"]

    await eventually(is_named)
    await eventually(is_indexed)


async def test_what_was_deleted_goes(alice, running) -> None:
    past = timezone.now() - 2 * removal.KEPT
    await Conversation.objects.acreate(owner=alice, updated=past, deleted=past)
    running.chores.sweep.wake()

    async def is_gone() -> bool:
        return not await Conversation.objects.aexists()

    await eventually(is_gone)


async def test_a_chore_that_fails_is_tried_again(monkeypatch) -> None:
    """And says so, without ending its loop."""
    tried: list[int] = []

    def work() -> bool:
        tried.append(len(tried))
        if len(tried) == 1:
            raise ValueError("for a test")
        return len(tried) < 4

    monkeypatch.setattr(chores, "PAUSE", 0)
    chore = Chore("test", work, 0.01)
    chore.start()

    await eventually(lambda: len(tried) > 4)
    await chore.stop()
