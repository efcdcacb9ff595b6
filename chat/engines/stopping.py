"""Stop strings in a text that arrives in pieces: pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Lets text through up to the first stop string, and nothing of the string.

    The result does not depend on how the text was cut into pieces. Only the longest
    tail that could still grow into a stop string is held back. Where several strings
    match, the one completed first wins; of those the one that began first.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.matched: str | None = None
        self.rest = ""
        """What followed the match in the piece that completed it."""

    def push(self, piece: str) -> str:
        """The text that may be shown now. After a match: always empty."""
        if self.matched is not None:
            return ""
        if not self._stops:
            return piece
        text = self._held + piece
        if (match := self._first_match(text)) is not None:
            end, start = match
            self.matched = text[start:end]
            self._held, self.rest = "", text[end:]
            return text[:start]
        keep = self._undecided(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What was held back, now that nothing follows."""
        held, self._held = self._held, ""
        return held

    def _first_match(self, text: str) -> tuple[int, int] | None:
        """(end, start) of the match that is complete first."""
        found = (
            (start + len(stop), start)
            for stop in self._stops
            if (start := text.find(stop)) >= 0
        )
        return min(found, default=None)

    def _undecided(self, text: str) -> int:
        """Length of the longest tail that is a proper prefix of a stop string."""
        for length in range(min(len(text), self._longest - 1), 0, -1):
            tail = text[-length:]
            if any(
                len(stop) > length and stop.startswith(tail) for stop in self._stops
            ):
                return length
        return 0
