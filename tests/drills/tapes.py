"""What the tests of tapes share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat.events import Done, Snapshot, Started
from chat.tape import Tape, Writer
from tests.reading import Shown, eventually

DONE = Done("stop")
START = Started("g", "c", "u", "m", "scripted", 2)


@asynccontextmanager
async def started(tape: Tape) -> AsyncIterator[Tape]:
    await tape.start()
    try:
        yield tape
    finally:
        await tape.stop()


async def follow(tape: Tape, cursor: int = 0) -> Shown:
    """To the end, as a reader does."""
    page = Shown(cursor=cursor)
    async with asyncio.timeout(60):
        while page.end is None:
            page.take(tape.read("g", page.cursor))
            if page.end is None:
                await tape.wait("g", page.cursor, 1)
    return page


async def shows(tape: Tape, text: str) -> None:
    def look() -> bool:
        state = tape.state("g")
        return state is not None and state[1].text == text

    await eventually(look)


def begin(tape: Tape, attempt: int = 1, behind: int = 0, text: str = "") -> Writer:
    return tape.open("g", attempt, behind, Snapshot(text))
