"""Neighbouring tokens of a tape as one text: a tenth of the memory of a value each.

A reel keeps its newest events as they came, which is what nearly every reader is given,
and packs those before them. Every number in a pack can still be a reader's cursor.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby, islice
from typing import cast

from ..events import Delta, Event

MOST = 256
"""Events in a pack: what a read that begins inside looks at."""
LONGEST = 64
"""Characters of a delta that is worth packing. Places in a pack fit in 16 bits."""
MOST_TOKENS = 255
"""Of a delta in a pack; more do not fit in 8 bits."""

Kind = tuple[bool, bool]
"""Whether it is text, not reasoning; whether the ids of its tokens are known."""


@dataclass(slots=True)
class Pack:
    """Deltas of one kind, with consecutive numbers. `ends`: where each one's text ends;
    `tokens`: how many each came from; `ids`: of all of these tokens."""

    kind: Kind
    text: str = ""
    ends: array[int] = field(default_factory=lambda: array("H"))
    tokens: array[int] = field(default_factory=lambda: array("B"))
    ids: array[int] = field(default_factory=lambda: array("I"))

    def __len__(self) -> int:
        return len(self.ends)

    def takes(self, kind: Kind, count: int) -> bool:
        return self.kind == kind and len(self) + count <= MOST

    def add(self, deltas: Sequence[Delta]) -> None:
        texts = [delta.text or delta.reasoning for delta in deltas]
        ends = accumulate(map(len, texts), initial=len(self.text))
        self.ends.extend(islice(ends, 1, None))
        self.tokens.extend([delta.tokens for delta in deltas])
        if deltas[0].token_ids:
            self.ids.extend(chain.from_iterable([each.token_ids for each in deltas]))
        self.text += "".join(texts)

    def behind(self, count: int) -> list[Delta]:
        """All but the first so many, as they came."""
        found: list[Delta] = []
        start, used = self._place(count)
        for end, tokens in zip(self.ends[count:], self.tokens[count:], strict=True):
            found.append(self._delta(start, end, used, used + tokens))
            start, used = end, used + tokens
        return found

    def whole(self) -> Delta:
        """All of them as one."""
        return self._delta(0, len(self.text), 0, sum(self.tokens))

    def split(self, count: int) -> list[Pack]:
        """The first so many, and the rest."""
        parts = self.behind(0)
        first, rest = Pack(self.kind), Pack(self.kind)
        first.add(parts[:count])
        rest.add(parts[count:])
        return [first, rest]

    def _place(self, count: int) -> tuple[int, int]:
        """Characters and tokens of the first so many."""
        return self.ends[count - 1] if count else 0, sum(self.tokens[:count])

    def _delta(self, start: int, end: int, used: int, after: int) -> Delta:
        """These characters, of these tokens."""
        text, ids = self.text[start:end], tuple(self.ids[used:after])
        is_text, _with_ids = self.kind
        if is_text:
            return Delta(text, "", after - used, ids)
        return Delta("", text, after - used, ids)


Entry = Event | Pack
"""What stands in a reel. The number of a pack is that of its last event."""


def packed(
    seqs: Sequence[int], entries: Sequence[Entry]
) -> tuple[list[int], list[Entry]]:
    """The same, with neighbouring deltas in packs. A pack in front is gone on with."""
    numbers: list[int] = []
    found: list[Entry] = []
    for kind, start, end in runs(seqs, entries):
        if kind is None:
            numbers += seqs[start:end]
            found += entries[start:end]
            continue
        last = found[-1] if found and numbers[-1] == seqs[start] - 1 else None
        if not (isinstance(last, Pack) and last.takes(kind, end - start)):
            last = Pack(kind)
            found.append(last)
            numbers.append(0)
        last.add(cast("Sequence[Delta]", entries[start:end]))
        numbers[-1] = seqs[end - 1]
    return numbers, found


def runs(
    seqs: Sequence[int], entries: Sequence[Entry]
) -> Iterator[tuple[Kind | None, int, int]]:
    """Neighbours of one kind, by their places: from, and up to."""
    kinds = [kind_of(entry) for entry in entries]
    for kind, group in groupby(range(len(kinds)), kinds.__getitem__):
        places = [*group]
        first, last = places[0], places[-1]
        if seqs[last] - seqs[first] != last - first:
            kind = None  # one attempt ends inside, and another one begins
        for start in range(first, last + 1, MOST):
            yield kind, start, min(start + MOST, last + 1)


def kind_of(entry: Entry) -> Kind | None:
    """Of one that can be packed: a short one, of text or reasoning alone."""
    if type(entry) is not Delta or entry.tool_calls:
        return None
    text, reasoning, ids = entry.text, entry.reasoning, entry.token_ids
    if (text and reasoning) or len(text or reasoning) > LONGEST:
        return None
    if entry.tokens > MOST_TOKENS or (ids and len(ids) != entry.tokens):
        return None
    return not reasoning, bool(ids)
