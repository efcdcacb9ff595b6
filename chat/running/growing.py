"""What an answer says while it grows: parts, of which the database has the first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .. import tool_calls
from ..tool_calls import CallPiece, Calls

Part = TypeVar("Part")


@dataclass(slots=True)
class Growing(Generic[Part]):
    """Parts of what grows. Joined when it is needed, never per token."""

    parts: list[Part] = field(default_factory=list)
    saved: int = 0

    def add(self, part: Part) -> None:
        if part:
            self.parts.append(part)

    @property
    def is_news(self) -> bool:
        return self.saved < len(self.parts)

    def fresh(self) -> list[Part]:
        return self.parts[self.saved :]

    def keep(self, mark: int) -> None:
        """The first so many parts are in the database."""
        self.saved = mark


class Said(Growing[str]):
    def news(self) -> str:
        return "".join(self.fresh())

    def whole(self) -> str:
        return "".join(self.parts)

    def keep(self, mark: int) -> None:
        """Those that were new become one, and earlier ones that are no longer go into
        it: few strings are left, and a character is joined again few times."""
        if mark <= self.saved:
            return
        first, size = self.saved, sum(map(len, self.parts[self.saved : mark]))
        while first and len(self.parts[first - 1]) <= size:
            first -= 1
            size += len(self.parts[first])
        self.parts[first:mark] = ["".join(self.parts[first:mark])]
        self.saved = first + 1


class Called(Growing[CallPiece]):
    def news(self) -> str:
        return tool_calls.lines(self.fresh()) if self.is_news else ""

    def whole(self) -> Calls:
        return tool_calls.joined(self.parts)
