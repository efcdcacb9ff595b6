"""What a matcher finds in a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

WINDOW = 256
"""No match is longer, so no text waits for more characters than these."""


class Matched(Protocol):
    """The rule that matched."""

    @property
    def key(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def action(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Match:
    """`start` to `end` are places in the text. `seen`: after how many characters it
    was certain; the end of the text counts as one more."""

    rule: Matched
    start: int
    end: int
    seen: int


@dataclass(slots=True)
class Tail:
    """The end of a text: what was not let out yet, and a little before it."""

    text: str = ""
    base: int = 0
    """Where in the text it begins."""

    @property
    def end(self) -> int:
        return self.base + len(self.text)

    def part(self, start: int, end: int) -> str:
        return self.text[max(0, start - self.base) : max(0, end - self.base)]

    def before(self, place: int) -> str:
        """The character in front of it; empty at the text's beginning."""
        index = place - self.base - 1
        return self.text[index] if index >= 0 else ""

    def cut(self, place: int) -> None:
        """Forget what is before it."""
        if place > self.base:
            self.text = self.text[place - self.base :]
            self.base = place
