"""The index of the database in use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from django.db import connection

from . import postgresql, sqlite


class Backend(Protocol):
    """`CONTAINS` says in SQL that the passage `p` has one word."""

    CONTAINS: str

    def marks(self, owner: int, body: str) -> Any:
        """What a passage is stored with, so that it is found."""
        ...

    def filling(self) -> AbstractContextManager[None]:
        """Around storing so much that the index is better made anew."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """Around a query of the index."""
        ...

    def matching(
        self, owner: int | None, words: Sequence[str], before: int, most: int
    ) -> tuple[str, list[Any]] | None:
        """SQL for the ids of the newest passages that may contain all the words, below
        a number and no more than another number, and its parameters before these two.
        It is asked for numbers below `before`, for `most` ids altogether. Without an
        owner, of everybody, as far as the index can tell. None where the index does
        not help."""
        ...


def backend() -> Backend:
    return postgresql if connection.vendor == "postgresql" else sqlite
