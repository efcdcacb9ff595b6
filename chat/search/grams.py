"""Pieces of words, by which the PostgreSQL index finds what contains a word.

Its own trigrams know no two-character words, which is most of Chinese, and nothing
at all of Chinese in the C locale. These are single characters, pairs, and threes
where a character is a letter rather than a word; each hashed together with the owner,
so one user's search never touches what others wrote.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator

IDEOGRAPHS = (
    "\u2e80-\u2fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
LETTERS = re.compile(f"[^\\s{IDEOGRAPHS}]{{3,}}")
SIGNED = 0x80000000
MAX_PIECES = 32


def windows(run: str, size: int) -> Iterator[str]:
    return map("".join, zip(*(run[at:] for at in range(size)), strict=False))


def grams(body: str) -> set[str]:
    """All that a query may ask for."""
    found: set[str] = set()
    for run in set(body.split()):
        found.update(run, windows(run, 2))
    for run in set(LETTERS.findall(body)):
        found.update(windows(run, 3))
    return found


def pieces(term: str) -> list[str]:
    """Those of a word's grams that say the most: every text with the word has them."""
    found = dict.fromkeys(
        gram for run in LETTERS.findall(term) for gram in windows(run, 3)
    )
    for run in LETTERS.sub(" ", term).split():
        found.update(dict.fromkeys(windows(run, 2) if len(run) > 1 else run))
    return list(found)[:MAX_PIECES]


def hashed(owner: int, grams: Iterable[str]) -> list[int]:
    """Numbers that fit PostgreSQL's `integer`; not the same for any two owners."""
    seed = zlib.crc32(b"%d:" % owner)
    return [zlib.crc32(gram.encode(), seed) - SIGNED for gram in grams]
