"""One generation's tape in the memory of one process. No I/O, no clock.

A sequence number says attempt and place: event n (from 1) of attempt a has number
`a * SPAN + n`. So numbers grow over crashes and hand-overs without anybody having
to know how far the dead attempt came. Numbers below `SPAN` belong to readers that
have seen nothing new: 1 is the `start` each reader gets first, the next ones are its
places in the queue. A text that was there before the first attempt, because an
earlier answer is continued, has number `CARRIED`; places in the queue follow it.

A new attempt says behind which number it goes on. What a dead owner said beyond
that is cut, and a reader that saw it is given a snapshot.

A reel is *whole* when it knows all text from the beginning: as a base (text up to a
number) and the events behind it. One that missed something is not, and becomes whole
again from a checkpoint that is recent enough (`ground`). Events in front of such a
base are kept: who has seen the text up to one of them, needs no snapshot.

Of the steps of a picture only the newest is kept, and none beside an end. The others
leave their numbers: who has seen one of them, goes on behind it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..events import ENDS, Delta, Event, Sequenced, Snapshot, Step, fold
from .pack import Entry, Pack, packed

SPAN = 1_000_000
CARRIED = SPAN // 2
READ_CAP = 48 * 1024
"""Characters one read returns at most: what one slow reader's write may hold."""
KEEP_ENTRIES = 1024
"""A longer reel folds its older half into its base. That loses no text, of which a reel
has all; it bounds what stands beside it: some 200 bytes for an event of its own, 9 for
one in a pack, where most tokens are. So it is 2.4 MB at most, of 262,144 tokens."""
BLOCK = 16
"""So many events at a time are packed. Divides `SPAN`: blocks lie in one attempt."""
PASSED = Step(0, 0, "")
"""In the place of a step that is not the newest any more. No reader gets it."""


@dataclass(slots=True)
class Reel:
    """Applying the same calls in the same order gives the same reel anywhere."""

    attempt: int = 0
    whole: bool = False
    goes_on_behind: int = 0
    base_seq: int = 0
    base: Snapshot = Snapshot()
    seqs: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    step_seq: int = 0
    """The number of the step that is kept; 0: none."""

    @property
    def tip(self) -> int:
        """The last number it knows."""
        return self.seqs[-1] if self.seqs else self.base_seq

    @property
    def finished(self) -> bool:
        return bool(self.entries) and isinstance(self.entries[-1], ENDS)

    @property
    def characters(self) -> int:
        """Of everything that it holds."""
        return len(self.base) + sum(map(characters_of, self.entries))

    @property
    def _ends_with_step(self) -> bool:
        return bool(self.entries) and self.seqs[-1] == self.step_seq

    # Writing

    def open(self, attempt: int, behind: int) -> bool:
        """A new attempt, which goes on behind that number. False: an old one."""
        if attempt <= self.attempt:
            return False
        if behind == 0:
            self._reset(0, Snapshot(), whole=True)
        elif self.whole and self._knows(behind) and behind >= self.base_seq:
            keep = self._divided(behind)
            del self.seqs[keep:], self.entries[keep:]
        else:
            self._reset(0, Snapshot(), whole=False)
        self.attempt = attempt
        self.goes_on_behind = behind
        return True

    def add(self, attempt: int, first: int, events: Sequence[Event]) -> bool:
        """Events numbered from `first`. False: an old attempt's, ignored.

        Those it has already are skipped; when some are missing it is not whole.
        """
        if attempt < self.attempt:
            return False
        if attempt == self.attempt and self.seqs and first == self.seqs[-1] + 1:
            self.seqs += range(first, first + len(events))
            self.entries += events
        else:
            self._fit(attempt, first, events)
        full = (first + len(events)) // BLOCK > first // BLOCK
        if self.entries and type(self.entries[-1]) is not Delta:
            self._keep_one_step(len(events))
            full = full or self.finished
        if full:
            self._pack(first // BLOCK * BLOCK)
        return True

    def _pack(self, first: int) -> None:
        """Those from that number on, but not the newest, with what stands before them:
        a pack, and what was the newest then. Nothing is packed across the base."""
        start = max(bisect_left(self.seqs, first) - 2, self._above_base())
        self.seqs[start:-1], self.entries[start:-1] = packed(
            self.seqs[start:-1], self.entries[start:-1]
        )
        if len(self.seqs) > KEEP_ENTRIES:
            self._fold(len(self.seqs) // 2)

    def _fit(self, attempt: int, first: int, events: Sequence[Event]) -> None:
        """Those that do not simply come next."""
        if attempt > self.attempt or first > self._expected():
            self._reset(0, Snapshot(), whole=False)
            self.attempt = attempt
            self.goes_on_behind = -1
        for seq, event in enumerate(events, first):
            if seq > self.tip:
                self.seqs.append(seq)
                self.entries.append(event)

    def _keep_one_step(self, new: int) -> None:
        """So many events are new, and not all of them text: the newest step, if there
        is no end."""
        for place in range(max(0, len(self.entries) - new), len(self.entries)):
            seq = self.seqs[place]
            if isinstance(self.entries[place], Step) and seq > self.step_seq:
                self._pass_step()
                self.step_seq = seq
        if self.finished:
            self._pass_step()

    def _pass_step(self) -> None:
        place = bisect_left(self.seqs, self.step_seq)
        if place < len(self.seqs) and self.seqs[place] == self.step_seq:
            self.entries[place] = PASSED
        self.step_seq = 0

    def _expected(self) -> int:
        """The number that comes next, if nothing is missed; any, if not whole."""
        first = self.attempt * SPAN + 1
        if not self.whole and not self.seqs:
            return max(first, (self.attempt + 1) * SPAN)
        return max(first, self.tip + 1)

    def _reset(self, seq: int, base: Snapshot, *, whole: bool) -> None:
        self.base_seq, self.base, self.whole = seq, base, whole
        self.seqs.clear()
        self.entries.clear()

    def _fold(self, count: int) -> None:
        """Constant work per event on average: half is folded at a time."""
        if self.whole and self.seqs[count - 1] > self.base_seq:
            self.base = self._text(count)
            self.base_seq = self.seqs[count - 1]
        del self.seqs[:count], self.entries[:count]

    def ground(self, seq: int, text: Snapshot) -> None:
        """Make it whole from a checkpoint: all text up to number `seq`.

        Changes nothing when there is a hole between the checkpoint and the events:
        a later checkpoint will do.
        """
        if self.whole or not self._joins(seq):
            return
        if seq > self.tip:
            self._reset(seq, text, whole=True)
        self._divided(seq)
        self.base_seq, self.base, self.whole = seq, text, True
        self.attempt = max(self.attempt, seq // SPAN)

    def _joins(self, seq: int) -> bool:
        if not self.seqs:
            behind = seq == self.goes_on_behind
            return behind or seq >= self.attempt * SPAN
        first = self.seqs[0]
        if first == self.attempt * SPAN + 1 and seq == self.goes_on_behind:
            return True
        return seq >= first - 1 and seq // SPAN >= self.attempt

    # Reading

    def after(self, cursor: int) -> list[Sequenced]:
        """What follows, at most about `READ_CAP` characters; one snapshot first
        when what the reader has seen is not what the tape says."""
        seqs = self.seqs
        if not self.whole or self.tip <= cursor:
            return []
        if len(seqs) > 1 and seqs[-2] == cursor >= SPAN:
            newest = self.entries[-1]  # as mostly: it has all but that
            if not isinstance(newest, Pack):
                return [(seqs[-1], newest)]
        if not self._reaches(cursor):
            return self._snapshot()
        found: list[Sequenced] = []
        size = 0
        for seq, event in self._behind(cursor):
            if event is PASSED:
                continue
            if isinstance(event, Delta | Step):
                size += len(event)
            found.append((seq, event))
            if size > READ_CAP:
                break
        # Behind the cursor is a base alone: of a text that is still empty.
        return found or self._snapshot()

    def _behind(self, cursor: int) -> Iterator[Sequenced]:
        """Every event; the cursor may lie inside a pack."""
        for index in range(bisect_right(self.seqs, cursor), len(self.seqs)):
            seq, entry = self.seqs[index], self.entries[index]
            if isinstance(entry, Pack):
                left = min(seq - cursor, len(entry))
                yield from enumerate(entry.behind(len(entry) - left), seq - left + 1)
            else:
                yield seq, entry

    def _reaches(self, cursor: int) -> bool:
        """Whether a reader there has seen exactly the text up to that number."""
        if cursor < SPAN:
            carried = CARRIED <= self.base_seq <= cursor
            return carried or not self.base
        return self._knows(cursor)

    def _knows(self, seq: int) -> bool:
        if seq == self.base_seq:
            return True
        index = bisect_left(self.seqs, seq)
        if index == len(self.seqs):
            return False
        entry = self.entries[index]
        count = len(entry) if isinstance(entry, Pack) else 1
        return seq > self.seqs[index] - count

    def _divided(self, seq: int) -> int:
        """The index of what follows that number; a pack that has it inside is split."""
        index = bisect_right(self.seqs, seq)
        entry = self.entries[index] if index < len(self.seqs) else None
        if not isinstance(entry, Pack):
            return index
        count = len(entry) - (self.seqs[index] - seq)
        if count <= 0:
            return index
        self.seqs.insert(index, seq)
        self.entries[index : index + 1] = entry.split(count)
        return index + 1

    def _snapshot(self) -> list[Sequenced]:
        """Everything at once, and the end or the newest step if it is there."""
        text = self._text()
        if not (self.finished or self._ends_with_step):
            return [(self.tip, text)]
        before = self.seqs[-2] if len(self.seqs) > 1 else self.base_seq
        return [(before, text), *self._behind(before)]

    def state(self) -> tuple[int, Snapshot] | None:
        """All text and the number it goes up to; None when it is not whole."""
        return (self.tip, self._text()) if self.whole else None

    def _text(self, count: int | None = None) -> Snapshot:
        """All of it, or up to and with the first `count` entries."""
        entries = self.entries[self._above_base() : count]
        said = (
            entry.whole() if isinstance(entry, Pack) else entry for entry in entries
        )
        return fold(self.base, said)

    def _above_base(self) -> int:
        """The index of what follows the base: no pack lies on both sides of it."""
        return bisect_right(self.seqs, self.base_seq)


def characters_of(entry: Entry) -> int:
    if isinstance(entry, Pack):
        return len(entry.text)
    return len(entry) if isinstance(entry, Delta | Snapshot | Step) else 0
