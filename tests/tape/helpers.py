"""Tapes of either kind, and reading them."""

from __future__ import annotations

import asyncio
import secrets

from chat.events import Done, Snapshot
from chat.tape import Tape, Writer
from tests.reading import Shown, eventually

DONE = Done("stop")


EMPTY = Snapshot()


def begin(tape: Tape, generation: str) -> Writer:
    return tape.open(generation, 1, 0, EMPTY)


async def settled(tape: Tape) -> None:
    """What was said before this is on the tape."""
    mark = secrets.token_hex(8)
    begin(tape, mark).append(DONE)
    await eventually(lambda: tape.read(mark, 0))


def read_all(tape: Tape, generation: str, after: int = 0) -> Shown:
    page = Shown(cursor=after)
    while news := tape.read(generation, page.cursor):
        page.take(news)
    return page


async def parked(tape: Tape, generation: str, after: int, timeout: float = 20):
    """A reader that waits by now."""
    task = asyncio.create_task(tape.wait(generation, after, timeout))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    return task
