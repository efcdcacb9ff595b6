"""How keywords are compared: NFKD and casefold, character by character.

A table from a character to what stands for it, which may be several characters, one,
or none (those nobody sees). Character by character, so that it does not matter how a
text was cut; decomposed, so that a letter and its accent are the same in one piece
and in two.
"""

from __future__ import annotations

import unicodedata

MAX_TABLE = 100_000
SPACELESS = "\u0e00"
"""Scripts from here on (Thai, Chinese, Japanese, Korean …) do not part words with
spaces."""


class Folding(dict[str, str]):
    def __missing__(self, char: str) -> str:
        if len(self) >= MAX_TABLE:
            self.clear()
        self[char] = folded = fold_one(char)
        return folded


def fold_one(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f":
        return ""  # zero-width spaces and joiners, soft hyphens, variants
    whole = unicodedata.normalize("NFKD", char).casefold()
    return unicodedata.normalize("NFKD", whole)


FOLDED = Folding()


def fold(text: str) -> str:
    return "".join([FOLDED[char] for char in text])


def in_word(char: str) -> bool:
    """Whether a folded character (or none) goes on a word of its neighbour."""
    if not char or char >= SPACELESS:
        return False
    return char.isalnum() or char == "_" or unicodedata.combining(char) > 0
