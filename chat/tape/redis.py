"""The tape of many processes: one Redis stream that all of them append to and tail.

Each process gathers what its writers say and adds it as one entry per flush; each
process, the writer's own included, applies the entries to its reels in the stream's
order. So all reels change alike: what a fenced owner says late stands behind the new
attempt's opening and is ignored everywhere; late joins and takeovers are local.

Why one stream and not one per process: nothing to discover, one order for fencing,
and the same bytes; figures in docs/benchmarks.md.

Nothing here is the truth. A process that starts, or lags behind the trimming, or
whose Redis lost its data, has reels with holes: they become whole from the next
checkpoint in the database. Nudges travel in the same stream.

An entry has one field, `b`: a JSON list of
`["open", generation, attempt, behind]`,
`["say", generation, attempt, first number, [event, …]]`,
`["show", …]`, the same of a picture's steps, and
`["nudge", sender, kind, id]`.

Steps are a thousand times as large as text, and each is worth something until the next
one comes. They are in entries of their own, which are deleted after seconds; whoever
missed some is not whole, until a checkpoint. While Redis is away none are gathered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections import deque
from itertools import groupby, islice
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from .. import nudges
from ..events import Delta, Event, Snapshot, Step, from_data
from ..tool_calls import packed, unpacked
from .base import Fenced, Seat, Tape, Wake, Writer
from .reel import Reel

logger = logging.getLogger(__name__)

KEY = "chatsite:tape"
KEEP_SECONDS = 60
"""How far the stream reaches back; what starts or lags longer, uses checkpoints.
Measured by Redis' own clock, which the entries' ids tell."""
LOOK_BACK_SECONDS = 15
"""How much of it a starting process reads: more than a checkpoint is old."""
FLUSH_PAUSE_SECONDS = 0.005
FLUSH_ITEMS = 2000
OUTBOX_ITEMS = 100_000
"""Beyond this, Redis has been away for long: the oldest go, checkpoints fill in."""
KEEP_STEPS_SECONDS = 5
"""How long steps of pictures are kept: five times as long as reading may lag."""
READ_ENTRIES = 200
BLOCK_MS = 1000
STOP_SECONDS = 2.0

Item = list[Any]
Found = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


def pack(event: Event) -> Item:
    """An event as JSON values; deltas, of which there are many, without names."""
    if isinstance(event, Delta | Snapshot):
        said = [event.text, event.reasoning, event.tokens, list(event.token_ids)]
        if isinstance(event, Delta) and not event.tool_calls:
            return said
        return [*said, [packed(call) for call in event.tool_calls], event.name]
    return [event.name, event.data()]


def unpack(item: Item) -> Event:
    if len(item) < 4:
        return from_data(item[0], item[1])
    text, reasoning, tokens, ids, *more = item
    calls, name = more or ((), Delta.name)
    kind = Delta if name == Delta.name else Snapshot
    return kind(text, reasoning, tokens, tuple(ids), tuple(map(unpacked, calls)))


def apply(reel: Reel, item: Item) -> None:
    _kind, _generation, attempt, number, *rest = item
    if rest:
        reel.add(attempt, number, [unpack(event) for event in rest[0]])
    else:
        reel.open(attempt, number)


def is_step(item: Item) -> bool:
    return bool(item[0] == "show")


def milliseconds(entry_id: bytes) -> int:
    """By Redis' clock, when the entry was added."""
    return int(entry_id.partition(b"-")[0])


class RedisWriter(Writer):
    def __init__(
        self, tape: RedisTape, seat: Seat, generation: str, attempt: int
    ) -> None:
        super().__init__(seat.reel, attempt)
        self._tape = tape
        self._generation = generation

    def _send(self, first: int, events: tuple[Event, ...]) -> None:
        packed = [pack(event) for event in events]
        self._tape.send(["say", self._generation, self._attempt, first, packed])

    def show(self, step: Step) -> None:
        if self._reel.attempt > self._attempt:
            raise Fenced
        if self._tape.problem is None:
            first, self.next_seq = self.next_seq, self.next_seq + 1
            said = [pack(step)]
            self._tape.show(["show", self._generation, self._attempt, first, said])


class RedisTape(Tape):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = Redis.from_url(
            url,
            socket_connect_timeout=2,
            # Above the longest XREAD; a frozen server is found out.
            socket_timeout=5,
            # Trying again is for the loops below, which know what they said.
            retry=Retry(NoBackoff(), 0),
        )
        self._name = secrets.token_hex(8)
        self._outbox: deque[Item] = deque(maxlen=OUTBOX_ITEMS)
        self._outgoing = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._loops: list[asyncio.Task[None]] = []
        self._problem: str | None = None
        self._stopping = False
        self._shows = False
        """Steps may be in the outbox."""
        self._steps: deque[bytes] = deque()
        """The entries of steps that were not deleted yet, oldest first."""
        self._last_id: bytes | None = None
        self._newest_ms = 0

    async def start(self) -> None:
        for nudge in nudges.ALL:
            nudge.relay(self._broadcast)
        loops = {"tape-tail": self._tail(), "tape-flush": self._flush()}
        self._loops = [asyncio.create_task(loops[name], name=name) for name in loops]

    async def stop(self) -> None:
        for nudge in nudges.ALL:
            nudge.unrelay(self._broadcast)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._idle.wait()
        # Redis' client swallows a cancellation that comes while it connects.
        self._stopping = True
        left = set(self._loops)
        while left:
            for loop in left:
                loop.cancel()
            _done, left = await asyncio.wait(left, timeout=0.1)
        await self._redis.aclose()

    @property
    def problem(self) -> str | None:
        return self._problem

    def open(
        self, generation: str, attempt: int, behind: int, text: Snapshot
    ) -> Writer:
        seat = self._seat(generation)
        if seat.reel.attempt >= attempt:
            raise Fenced
        seat.opened = True
        seat.reel.ground(behind, text)
        self.send(["open", generation, attempt, behind])
        return RedisWriter(self, seat, generation, attempt)

    # Out

    def send(self, item: Item) -> None:
        self._outbox.append(item)
        self._outgoing.set()
        self._idle.clear()

    def show(self, item: Item) -> None:
        self._shows = True
        self.send(item)

    def _broadcast(self, kind: str, news: str) -> None:
        self.send(["nudge", self._name, kind, news])

    async def _flush(self) -> None:
        """One entry for all that was said meanwhile. An entry whose answer was lost
        is added again: reels skip what they have."""
        while not self._stopping:
            await self._outgoing.wait()
            batch = list(islice(self._outbox, FLUSH_ITEMS))
            try:
                await self._add(batch)
            except Exception as error:
                await self._trouble(error)
                continue
            self._problem = None
            for item in batch:
                # Unless it fell out of the full box meanwhile.
                if self._outbox and self._outbox[0] is item:
                    self._outbox.popleft()
            if not self._outbox:
                self._shows = False
                self._outgoing.clear()
                self._idle.set()
            await asyncio.sleep(FLUSH_PAUSE_SECONDS)

    async def _add(self, batch: list[Item]) -> None:
        oldest = max(0, self._newest_ms - KEEP_SECONDS * 1000)
        runs = [(False, batch)]
        if self._shows:
            runs = [(shows, list(run)) for shows, run in groupby(batch, is_step)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for _shows, run in runs:
                data = json.dumps(run, ensure_ascii=True, separators=(",", ":"))
                pipe.xadd(KEY, {"b": data}, minid=oldest, approximate=True)
            pipe.expire(KEY, KEEP_SECONDS * 10)
            if gone := self._old_steps():
                pipe.xdel(KEY, *gone)
            added = await pipe.execute()
        self._steps += [
            entry for entry, (shows, _run) in zip(added, runs, strict=False) if shows
        ]
        self._newest_ms = milliseconds(added[len(runs) - 1])
        if self._newest_ms < milliseconds(self._last_id or b"0"):
            # Another Redis, whose clock is behind: read it all. Reels skip what
            # they have.
            self._last_id = b"0-0"

    def _old_steps(self) -> list[bytes]:
        """What to delete. Forgotten at once: if that fails, they go with the rest."""
        gone: list[bytes] = []
        until = self._newest_ms - KEEP_STEPS_SECONDS * 1000
        while self._steps and milliseconds(self._steps[0]) < until:
            gone.append(self._steps.popleft())
        return gone

    # In

    async def _tail(self) -> None:
        while True:
            try:
                if self._last_id is None:
                    now, _ = await self._redis.time()
                    self._last_id = b"%d-0" % ((now - LOOK_BACK_SECONDS) * 1000)
                found = await self._redis.xread(
                    {KEY: self._last_id}, count=READ_ENTRIES, block=BLOCK_MS
                )
            except Exception as error:
                await self._trouble(error)
                continue
            self._problem = None
            for _key, entries in cast("Found", found or []):
                for entry_id, fields in entries:
                    self._last_id = entry_id
                    self._apply(fields[b"b"])

    def _apply(self, data: bytes) -> None:
        """What this version does not understand, a newer one said: passed over."""
        touched: dict[str, tuple[Seat, bool]] = {}
        for item in json.loads(data):
            try:
                if item[0] == "nudge":
                    self._take_nudge(item)
                elif item[0] in ("open", "say", "show"):
                    seat = self._seat(item[1])
                    touched.setdefault(item[1], (seat, seat.reel.whole))
                    apply(seat.reel, item)
            except Exception:
                logger.exception("cannot read an entry of the tape")
        for seat, was_whole in touched.values():
            lost = was_whole and not seat.reel.whole
            # Readers that wait for news must look at the row from now on.
            seat.wake(Wake.NUDGE if lost else Wake.NEWS)

    def _take_nudge(self, item: Item) -> None:
        _, sender, kind, news = item
        if sender != self._name and kind in nudges.BY_NAME:
            nudges.BY_NAME[kind].deliver(*([news] if news else []))

    async def _trouble(self, error: Exception) -> None:
        if self._problem is None:
            logger.warning("Redis: %s", error)
        self._problem = f"{type(error).__name__}: is Redis up?"
        await asyncio.sleep(0.2)
