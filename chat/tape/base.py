"""The contract of a tape.

A sequence number says attempt and place: event n (from 1) of attempt a has number
`a * SPAN + n`. So numbers grow over crashes and hand-overs without anybody having
to know how far the dead attempt came. Number 1 is the `start` that every reader
from the beginning gets first; it is not on the tape.

All calls belong to the event loop's thread. Reading and appending never wait: every
process has the tapes it needs in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum

from ..events import Event, Sequenced

SPAN = 1_000_000
WRITE_CAP = 48 * 1024
"""Characters one read returns at most: what one slow reader's write may hold."""


class Fenced(Exception):
    """A newer attempt owns this tape; the writer has lost its lease."""


class Wake(Enum):
    """Why a wait ended."""

    NEWS = "news"
    """The tape has something behind the cursor."""
    NUDGE = "nudge"
    """The row changed without the tape: read it again."""
    TIMEOUT = "timeout"
    CLOSING = "closing"
    """This process ends its readers; they can resume elsewhere."""


class Writer(ABC):
    """The one who may append: the holder of the lease with this attempt."""

    @abstractmethod
    def append(self, *events: Event) -> int:
        """Add events; the last one's sequence number. Raises `Fenced`."""

    def close(self) -> None:
        """Nothing follows from this writer: the tape may be forgotten in time."""

    @property
    @abstractmethod
    def next_seq(self) -> int:
        """The number the next event will get."""

    @abstractmethod
    def holds(self, text: str, reasoning: str) -> bool:
        """Whether all readers have, or will read, exactly this: the tape saw the
        attempt before this one, and that is its text."""


class Tape(ABC):
    async def start(self) -> None:
        """Connect, and begin to follow other processes."""

    async def stop(self) -> None:
        """Let go of everything."""

    @property
    def problem(self) -> str | None:
        """Why it cannot serve right now; None when it can."""
        return None

    @abstractmethod
    def open(self, generation: str, attempt: int) -> Writer:
        """The writer of a new attempt. Raises `Fenced` when a newer one exists."""

    @abstractmethod
    def read(self, generation: str, after: int) -> list[Sequenced]:
        """What follows the cursor, at most about `WRITE_CAP` characters of it.

        One `Snapshot` comes first when the tape no longer reaches back to `after`.
        """

    @abstractmethod
    async def wait(self, generation: str, after: int, timeout: float) -> Wake:
        """Until there is something to do for a reader at this cursor."""

    @abstractmethod
    def nudge(self, generation: str) -> None:
        """Wake its readers: the row changed."""

    @abstractmethod
    def close_readers(self) -> None:
        """End every wait, now and from now on, with `Wake.CLOSING`."""
