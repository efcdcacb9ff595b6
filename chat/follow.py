"""Reading a generation from a cursor to its end, from the tape and the row.

Every dialect and transport reads through `follow`; none knows where the events come
from. Nothing here writes: opening, losing or closing a reader changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.utils import timezone

from .database import for_reader
from .events import (
    Delta,
    Done,
    Event,
    Failed,
    Queued,
    Sequenced,
    Started,
    Terminal,
    is_terminal,
)
from .gathering import gathering
from .limits.places import LOOK_SECONDS, places
from .models import Generation, Message
from .observe.metrics import reading, resumes
from .pictures.rows import shown
from .records import load
from .tape import SPAN, Tape, Wake

START_SEQ = 1
"""The `start` that every reader from the beginning gets first."""
QUEUE_LOOK_SECONDS = 0.5
NOT_STORED = "The text was not to be stored, and its end was missed."


async def follow(
    tape: Tape, generation: Generation, after: int = 0
) -> AsyncGenerator[list[Sequenced]]:
    """Batches of what follows the cursor, until the end or until this process closes.

    An empty batch is a heartbeat. `generation` has its message selected. Ends
    without a terminal event only when the process is closing: resume elsewhere.
    """
    if after:
        resumes.inc()
    with reading, tape.reading:
        cursor, pk, key = after, generation.pk, str(generation.pk)
        if cursor < START_SEQ:
            yield [(START_SEQ, started(generation))]
            cursor = START_SEQ
        known = look(tape, generation)
        del generation
        silence = Silence(tape, key)
        while True:
            events = tape.read(key, cursor)
            if not events and known.ended is not None:
                events = stored_end(known.ended, cursor)
                if not events:
                    return
            if events:
                yield events
                silence.end()
                cursor, last = events[-1]
                if is_terminal(last):
                    return
                if gathering.seconds and is_single(cursor, last):
                    await gathering.pause()
                if known.ended is not None:
                    continue
            wake = await tape.wait(key, cursor, silence.patience(known.queued))
            if wake is Wake.CLOSING:
                return
            if wake is Wake.NEWS:
                continue
            if wake is Wake.TIMEOUT and known.queued:
                news = await silence.place(pk)
                if news is not None and cursor < SPAN - 1:
                    cursor += 1
                    yield [(cursor, news)]
                    continue
                if silence.queued:
                    if silence.is_long():
                        yield []
                    continue
            known = await look_again(tape, pk, known)
            if silence.is_long():
                yield []


def is_single(seq: int, event: Event) -> bool:
    """A token alone. Several that come as one were gathered before."""
    return seq > SPAN and isinstance(event, Delta) and event.tokens <= 1


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader remembers of the row: little, as there may be thousands of them."""

    queued: bool
    ended: Generation | None
    """The row itself, once nothing changes any more."""


def look(tape: Tape, generation: Generation) -> Known:
    """What the row says, which also a tape is told that does not know it."""
    ground(tape, generation)
    ended = None if generation.is_live else generation
    return Known(generation.status == "queued", ended)


async def look_again(tape: Tape, pk: UUID, known: Known) -> Known:
    """As it is now; or was, while the database is away."""
    try:
        return look(tape, await for_reader(load, pk))
    except Generation.DoesNotExist:
        return Known(False, deleted(Generation(pk=pk, message=Message())))
    except Error:
        return known


def ground(tape: Tape, generation: Generation) -> None:
    """Tell a tape that does not know the whole text what the row says of it."""
    key = str(generation.pk)
    if generation.is_live and not tape.is_whole(key):
        tape.ground(key, generation.last_seq, generation.said)


class Silence:
    """How long a reader has heard nothing, and the place in the queue it heard last.

    Place numbers follow the cursor of a reader that has seen no text. One that has
    gets none: the number could be that of a delta that is still on its way.
    """

    def __init__(self, tape: Tape, key: str) -> None:
        self._tape, self._key = tape, key
        self._position = 0
        self._heartbeat = settings.CHAT_HEARTBEAT_SECONDS
        self.queued = False
        self.end()

    def end(self) -> None:
        self._since = time.monotonic()

    def patience(self, queued: bool) -> float:
        """Seconds until the row is worth another look."""
        heartbeat = self._heartbeat
        if queued:
            return min(LOOK_SECONDS, heartbeat)
        if not self._tape.is_whole(self._key):
            return min(settings.CHAT_CHECKPOINT_SECONDS / 2, heartbeat)
        return heartbeat

    def is_long(self) -> bool:
        if time.monotonic() - self._since < self._heartbeat * 0.9:
            return False
        self.end()
        return True

    async def place(self, generation: UUID) -> Queued | None:
        """The place in the queue, if it changed. `queued`: whether it has one."""
        place = await places.of(generation)
        self.queued = place is not None
        if place is None or place == self._position:
            return None
        self._position = place
        self.end()
        return Queued(position=place)


async def reread(generation: Generation) -> Generation:
    """The row as it is now; the old one while the database is away."""
    try:
        return await for_reader(load, generation.pk)
    except Generation.DoesNotExist:
        return deleted(generation)
    except Error:
        return generation


def deleted(generation: Generation) -> Generation:
    """For readers, which are told that nothing more comes."""
    generation.status = "failed"
    generation.error_code = "deleted"
    generation.error_message = "The conversation was deleted."
    generation.last_seq = 2**53 - 1
    return generation


def started(generation: Generation) -> Started:
    return Started(
        generation=str(generation.pk),
        conversation=str(generation.conversation_id),
        user_message=str(generation.message.parent_id or ""),
        message=str(generation.message_id),
        model=generation.model,
        attempt=max(1, generation.attempt),
    )


def stored_end(generation: Generation, cursor: int) -> list[Sequenced]:
    """The rest of a finished generation, from the row alone.

    A reader that has everything but the end gets just the end; any other gets the
    whole text as one snapshot first. Where the text was not to be stored, a reader
    that missed some of it is told so.
    """
    last = generation.last_seq
    if not generation.store and START_SEQ < cursor < last - 1:
        return [(last, Failed("not_stored", NOT_STORED, retryable=False))]
    events: list[Sequenced] = []
    said = generation.message.said
    if cursor < last - 1 and (cursor > START_SEQ or said):
        events.append((last - 1, said))
    if cursor < last:
        events.append((last, ending(generation)))
    return events


def ending(generation: Generation) -> Terminal:
    if generation.status == "failed":
        return Failed(
            code=generation.error_code,
            message=generation.error_message,
            retryable=generation.error_retryable,
        )
    return Done(
        finish_reason=generation.finish_reason,
        usage=usage(generation),
        timing=timing(generation),
        images=[shown(picture) for picture in generation.drawn],
    )


def usage(generation: Generation) -> dict[str, int]:
    prompt, completion = generation.prompt_tokens, generation.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def timing(generation: Generation) -> dict[str, float | None]:
    """Milliseconds since the request; tokens per second since the first token, for
    one that is being written so far. `thinking_ms`: from the first token to the first
    text; None when it did not think."""
    first, end = generation.first_token, generation.finished
    now = end or timezone.now()
    speed = thinking = None
    if first and (seconds := (now - first).total_seconds()) > 0:
        speed = round(generation.completion_tokens / seconds, 1)
    if first and (generation.first_text or now) > first:
        thinking = _ms(first, generation.first_text or now)
    return {
        "queue_ms": _since(generation, generation.started),
        "ttft_ms": _since(generation, first),
        "thinking_ms": thinking,
        "total_ms": _since(generation, end),
        "tokens_per_second": speed,
    }


def _since(generation: Generation, moment: datetime | None) -> int | None:
    return None if moment is None else _ms(generation.created, moment)


def _ms(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1000))


async def end_of(tape: Tape, generation: Generation) -> Generation:
    """Wait for the end, whoever brings it; the finished row."""
    async for _events in follow(tape, generation):
        pass
    return await reread(generation)
