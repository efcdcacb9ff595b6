"""A stream that brings whole sentences (`"chunking": "sentence"`), and resumes.

Held back is only the beginning of a sentence. A text frame's id is one below the
number of the event that completed it. So a reader whose cursor is there has been
shown the sentences that end up to the next event, no more and no less, and the rest
of the last one has a number of its own below that of the end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from ..events import (
    Delta,
    Event,
    Queued,
    Sequenced,
    Snapshot,
    Started,
    is_terminal,
)
from ..follow import follow
from ..models import Generation
from ..sentences import Sentences
from ..tape import SPAN, Tape


async def by_sentence(
    tape: Tape, generation: Generation, after: int
) -> AsyncGenerator[list[Sequenced]]:
    """As `chat.follow.follow`. What lies before the cursor is read again, unseen: the
    sentence it stopped in may have begun there."""
    reader = Reader(after)
    batches = follow(tape, generation)
    async with aclosing(batches):
        async for events in batches:
            news = [one for seq, event in events for one in reader.take(seq, event)]
            if news or not events:
                yield news


class Reader:
    def __init__(self, after: int) -> None:
        self._after = after
        self._shown = after + 1 if after >= SPAN else after
        """The last event whose sentences the reader has."""
        self._sentences = Sentences()

    def take(self, seq: int, event: Event) -> Iterator[Sequenced]:
        if is_terminal(event):
            yield from self._end(seq, event)
        elif seq < SPAN and isinstance(event, Started | Queued):
            if seq > self._after:
                yield seq, event
        elif (news := self._news(event)) is not None and seq > self._shown:
            yield seq - 1, news

    def _news(self, event: Event) -> Event | None:
        """What is to be shown for it; also keeps count of what is held back."""
        if isinstance(event, Delta):
            text = "".join(self._sentences.push(event.text))
            new = Delta(text, event.reasoning, tool_calls=event.tool_calls)
            return new if len(new) else None
        if isinstance(event, Snapshot):
            self._sentences = Sentences()
            text = "".join(self._sentences.push(event.text))
            return Snapshot(text, event.reasoning, tool_calls=event.tool_calls)
        return event

    def _end(self, seq: int, event: Event) -> Iterator[Sequenced]:
        rest = self._sentences.finish()
        if rest and self._after < seq - 1:
            yield seq - 1, Delta(rest)
        if self._after < seq:
            yield seq, event
