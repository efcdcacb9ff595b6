"""Drafts from the text itself: what followed the last tokens before may do so again."""

from __future__ import annotations

from collections.abc import Sequence

from chat.engines.local.sampling import Chooser

GRAMS = (4, 3)
"""So many tokens have to stand there already: of more, the longest are believed."""


class PromptLookup:
    """The prompt and reply of one request, indexed. A token costs the same each time,
    however long they are."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._behind: dict[tuple[int, ...], int] = {}
        self._place: int | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def extend(self, ids: Sequence[int]) -> None:
        for token in ids:
            self._ids.append(token)
            self._place = None
            for size in GRAMS:
                gram = tuple(self._ids[-size:])
                if len(gram) < size:
                    continue
                if self._place is None:
                    self._place = self._behind.get(gram)
                self._behind[gram] = len(self._ids)

    def draft(self, count: int) -> list[int]:
        """What followed the last tokens when they came last; [] where they are new."""
        if self._place is None:
            return []
        # Where that place is close to the end, what repeats itself goes on so.
        period = len(self._ids) - self._place
        return [self._ids[self._place + n % period] for n in range(count)]


class Lookup:
    """Drafts for the requests of a worker."""

    def __init__(self) -> None:
        self._indices: dict[str, PromptLookup] = {}

    def draft(
        self, name: str, ids: Sequence[int], count: int, chooser: Chooser
    ) -> list[int]:
        index = self._indices.setdefault(name, PromptLookup())
        index.extend(ids[len(index) :])
        return index.draft(count)

    def forget(self, name: str) -> None:
        self._indices.pop(name, None)
