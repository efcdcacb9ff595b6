"""How texts are compared: without case and width, character by character.

Folding keeps the length, so a place in the folded text is the same place in the text.
"""

from __future__ import annotations

import unicodedata

MAX_TERMS = 8
PRIVATE = "\U000f0000"
"""From here on up no folded text has anything: the SQLite index marks owners there."""


class Folding(dict[int, str]):
    """A table for `str.translate` that learns the characters it meets."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = folded = "\ufffd" if char >= PRIVATE else fold_one(char)
        return folded


def fold_one(char: str) -> str:
    for form in (unicodedata.normalize("NFKC", char), char):
        if len(form) == 1 and len(lower := form.lower()) == 1:
            return "σ" if lower == "ς" else lower
    return char


TABLE = Folding()


def composed(text: str) -> str:
    """Each letter and its accents as one character where there is one."""
    whole = text.encode(errors="replace").decode()
    return unicodedata.normalize("NFC", whole)


def fold(text: str) -> str:
    """As it is compared. Of the same length as `composed(text)`."""
    return text.lower() if text.isascii() else composed(text).translate(TABLE)


def terms(query: str) -> list[str]:
    """The words to look for, each once, the longest first: it says the most."""
    words = set(fold(query.replace("\0", " ")).split())
    return sorted(words, key=lambda word: (-len(word), word))[:MAX_TERMS]
