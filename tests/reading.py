"""What a client makes of a stream, and what a scripted reply must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from chat import sse
from chat.database import in_database
from chat.events import (
    Delta,
    Event,
    Sequenced,
    Snapshot,
    fold,
    from_data,
    is_terminal,
)
from chat.follow import follow
from chat.models import Generation
from chat.records import load
from chat.tape import Tape
from chat.tool_calls import of_stored, stored

PATIENCE = 60
"""Seconds until something has failed: others may have the machine for a while."""


def scripted(count: int) -> str:
    """The scripted engine's plain reply of so many tokens."""
    return " ".join(f"t{index}" for index in range(count))


@dataclass
class Shown:
    """A page: it adds deltas, a snapshot replaces, what it has seen it drops."""

    text: str = ""
    reasoning: str = ""
    cursor: int = 0
    events: list[Event] = field(default_factory=list)

    def take(self, news: Iterable[Sequenced]) -> Shown:
        for seq, event in news:
            if seq <= self.cursor:
                continue
            self.cursor = seq
            self.events.append(event)
            if isinstance(event, Delta):
                self.text += event.text
                self.reasoning += event.reasoning
            elif isinstance(event, Snapshot):
                self.text, self.reasoning = event.text, event.reasoning
        return self

    @property
    def said(self) -> Snapshot:
        """All of it, tool calls too, as a message has it."""
        whole = fold(Snapshot(), self.events)
        return Snapshot(
            whole.text,
            whole.reasoning,
            tool_calls=of_stored(stored(whole.tool_calls)),
        )

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    @property
    def end(self) -> Event | None:
        last = self.events[-1] if self.events else None
        return last if last is not None and is_terminal(last) else None

    def last(self, name: str) -> Any:
        return next(event for event in reversed(self.events) if event.name == name)

    def first(self, name: str) -> Any:
        return next(event for event in self.events if event.name == name)


def sequenced(data: bytes) -> list[Sequenced]:
    """The native dialect's frames in a body, as numbered events."""
    return [
        (int(frame.id), from_data(frame.event, json.loads(frame.data)))
        for frame in sse.Decoder().feed(data)
    ]


def shown(data: bytes) -> Shown:
    return Shown().take(sequenced(data))


async def body(response: Any) -> bytes:
    """All of a streaming response."""
    return b"".join([part async for part in response.streaming_content])


async def watch(tape: Tape, generation: Generation, after: int = 0) -> Shown:
    """Follow to the end."""
    page = Shown(cursor=after)
    async for events in follow(tape, generation, after):
        page.take(events)
    return page


async def finished(generation: Generation, within: float = PATIENCE) -> Generation:
    """The row once it is not live any more."""

    async def look() -> Generation | None:
        row = await in_database(load, generation.pk)
        return None if row.is_live else row

    return await eventually(look, within)


async def eventually(look: Callable[[], Any], within: float = PATIENCE) -> Any:
    """The first true thing that `look` gives; it may be a coroutine function."""
    async with asyncio.timeout(within):
        while True:
            found = look()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)
