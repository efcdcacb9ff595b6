"""The tape of a single process: a writer writes straight to the reel."""

from __future__ import annotations

from ..events import Event, Snapshot
from .base import Fenced, Seat, Tape, Wake, Writer


class MemoryWriter(Writer):
    def __init__(self, seat: Seat, attempt: int) -> None:
        super().__init__(seat.reel, attempt)
        self._seat = seat

    def _send(self, first: int, events: tuple[Event, ...]) -> None:
        self._reel.add(self._attempt, first, events)
        self._seat.wake(Wake.NEWS)


class MemoryTape(Tape):
    def open(
        self, generation: str, attempt: int, behind: int, text: Snapshot
    ) -> Writer:
        seat = self._seat(generation)
        if not seat.reel.open(attempt, behind):
            raise Fenced
        seat.reel.ground(behind, text)
        return MemoryWriter(seat, attempt)
