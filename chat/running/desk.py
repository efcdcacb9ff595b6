"""Starts that nobody waits before: the runner of their own process has them at once.

They are claimed in the transaction that stores them, so they need no nudge, no turn and
no look at the queue. Whether somebody waits, and what the user has running, is counted
in that transaction too (`chat.limits.enforce`), where a user's starts take turns: so
neither the order of turns nor a user's bound suffers, whatever other processes claim.
Where there is no room, or somebody waits, a start is queued like all.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.db import Error
from django.utils import timezone

from .. import nudges
from ..models import Generation
from ..rows import twin
from . import lease
from .job import Job
from .lease import Lease
from .prepare import prepared

logger = logging.getLogger(__name__)


class Room:
    """How many generations one runner may still take, counted for every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self, most: int) -> int:
        """So many of them, or as many as there are."""
        with self._lock:
            got = max(0, min(most, settings.CHAT_MAX_RUNNING - self._taken))
            self._taken += got
            return got

    def give(self, count: int) -> None:
        with self._lock:
            self._taken -= count

    @property
    def taken(self) -> int:
        return self._taken


@dataclass(frozen=True, slots=True)
class Counter:
    """A runner, as a desk knows it. `serves`: in any thread, whether it may have what
    asks for this model; `begin`: on its loop, a job and the nanosecond of its claim."""

    owner: str
    room: Room
    serves: Callable[[str], bool]
    begin: Callable[[Job, int], None]
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)


class Place:
    """Of one start at the counter, if there is one."""

    def __init__(self, counter: Counter | None = None) -> None:
        self._counter = counter
        self._moment = 0
        self._claimed: tuple[Lease, Generation] | None = None

    @property
    def is_taken(self) -> bool:
        return self._claimed is not None

    def claim(self, row: Generation) -> None:
        """In the transaction that stores it."""
        counter = self._counter
        if counter is None or not row.is_next or not counter.serves(row.model):
            return
        held = lease.take(counter.owner, row.pk)
        row.status, row.owner = "running", held.owner
        row.attempt, row.started = held.attempt, timezone.now()
        self._claimed, self._moment = (held, row), time.time_ns()

    def leave(self, *, stored: bool) -> None:
        """After the transaction: what was claimed is the runner's."""
        if self._counter is None:
            return
        if self._claimed is not None and stored:
            self._hand_over(self._counter, *self._claimed)
        else:
            self._counter.room.give(1)

    def _hand_over(self, counter: Counter, held: Lease, row: Generation) -> None:
        try:
            # Whoever asked reads theirs in another thread.
            [job] = prepared([held], {row.pk: twin(row)})
        except Exception:
            # Another runner, or this one a little later, tries that again.
            logger.exception("cannot prepare %s", held.generation)
            counter.room.give(1)
            with suppress(Error):  # then the lease runs out
                lease.release(held)
            nudges.queue.send()
            return
        with suppress(RuntimeError):  # the loop is closed: the same
            counter.loop.call_soon_threadsafe(counter.begin, job, self._moment)


class Desk:
    """Where starts, in any thread, find the runner of their process."""

    def __init__(self) -> None:
        self._counter: Counter | None = None

    def open(self, counter: Counter) -> None:
        self._counter = counter

    def close(self) -> None:
        """What has a place by now still comes to the counter."""
        self._counter = None

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Around the transaction that stores a start, and may claim it."""
        counter = self._counter
        if counter is None or not counter.room.take(1):
            yield Place()
            return
        place = Place(counter)
        try:
            yield place
        except BaseException:
            place.leave(stored=False)
            raise
        place.leave(stored=True)


desk = Desk()
"""Of this process."""
