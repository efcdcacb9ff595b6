"""The process of a model dies in the middle of answers: they go on with the next."""

from __future__ import annotations

import asyncio

import pytest

from chat.database import in_database
from chat.engines.process import ProcessEngine
from chat.tape import MemoryTape
from tests.core.helpers import ask, runner_of
from tests.engines.hosted import FACTORY, INFO
from tests.reading import finished, scripted, watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick"),
]


async def test_answers_go_on_where_they_were(alice, bob) -> None:
    """It dies after eight tokens of one; the other is only there when it happens."""
    engine = ProcessEngine(FACTORY, INFO, {})
    await engine.start()
    tape = MemoryTape()
    dying = await in_database(ask, alice, "n=20 die")
    other = await in_database(ask, bob, "n=60 pace=0.02")
    try:
        async with runner_of("owner", tape, engine):
            reader = asyncio.create_task(watch(tape, dying))
            rows = [await finished(dying), await finished(other)]
            seen = await reader
    finally:
        await engine.stop()

    assert [row.status for row in rows] == ["done", "done"]
    assert [row.message.content for row in rows] == [scripted(20), scripted(60)]
    assert [row.completion_tokens for row in rows] == [20, 60]
    assert rows[0].attempt == 2
    assert seen.text == scripted(20)
