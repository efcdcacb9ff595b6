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

    def behind(self, count: int) -> Delta:
        """All but the first so many, as one."""
        return self._between(count, len(self))

    def split(self, count: int) -> list[Pack]:
        """The first so many, and the rest."""
        return [self._cut(0, count), self._cut(count, len(self))]

    def _between(self, start: int, end: int) -> Delta:
        text = self.text[self._end(start) : self._end(end)]
        tokens = sum(self.tokens[start:end])
        ids: tuple[int, ...] = ()
        if self.ids:
            skipped = sum(self.tokens[:start])
            ids = tuple(self.ids[skipped : skipped + tokens])
        is_text, _with_ids = self.kind
        if is_text:
            return Delta(text, "", tokens, ids)
        return Delta("", text, tokens, ids)

    def _end(self, count: int) -> int:
        return self.ends[count - 1] if count else 0

    def _cut(self, start: int, end: int) -> Pack:
        said, before = self._between(start, end), self._end(start)
        return Pack(
            self.kind,
            said.text or said.reasoning,
            array("H", [place - before for place in self.ends[start:end]]),
            self.tokens[start:end],
            array("I", said.token_ids),
        )


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
