"""Where a text says what was looked for: a piece of it, and the places in the piece."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .fold import composed, fold

SHOWN = 160
BEFORE = 40
MAX_RANGES = 20
ELLIPSIS = "…"
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snippet:
    """`ranges`: [begin, end) of each match in `text`, counted in code points."""

    text: str
    ranges: tuple[Range, ...]


def snippet(text: str, words: Sequence[str], shown: int = SHOWN) -> Snippet | None:
    """A piece of about `shown` characters around the first match; None without one."""
    body = fold(text)
    first = next((at for word in words if (at := body.find(word)) >= 0), None)
    if first is None:
        return None
    whole = composed(text)
    begin = beginning(whole, first)
    end = min(len(whole), begin + shown)
    head = ELLIPSIS if begin else ""
    shift = len(head) - begin
    piece = re.sub(r"\s", " ", whole[begin:end])
    return Snippet(
        head + piece + (ELLIPSIS if end < len(whole) else ""),
        tuple(
            (a + shift, b + shift) for a, b in matches(body[begin:end], words, begin)
        ),
    )


def beginning(text: str, first: int) -> int:
    """A little before the match, at a word where there is one."""
    if first <= BEFORE:
        return 0
    begin = first - BEFORE
    space = re.compile(r"\s").search(text, begin, first)
    return space.end() if space else begin


def matches(body: str, words: Sequence[str], offset: int) -> tuple[Range, ...]:
    """Where the words are, in order, joined where they touch."""
    places = {
        (match.start() + offset, match.end() + offset)
        for word in words
        for match in re.finditer(re.escape(word), body)
    }
    joined: list[Range] = []
    for a, b in sorted(places):
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return tuple(joined[:MAX_RANGES])
