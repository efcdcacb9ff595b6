"""How many are inside of something at the moment."""

from __future__ import annotations


class Inside:
    """One for all of them. A generator each would be half a kilobyte for as long as
    they stay, and thousands stay for minutes."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *error: object) -> None:
        self.count -= 1
