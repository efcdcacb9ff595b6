"""Text in whole sentences, for speech: pure, no I/O.

Chinese and English sentence ends, closing quotes and brackets included, and line
ends. A full stop ends nothing in `3.14`, `e.g. this`, `J. Smith` or `1. An item`.
White space belongs to the sentence before it. What has no end is cut at a comma or
a space.

Where the text is cut depends on the text alone, not on the pieces it came in: an
end is decided by what stands before it and the one visible character behind it.
"""

from __future__ import annotations

import re

LONGEST = 300
"""Characters a sentence may have before it is cut somewhere."""
WIDE = "。！？…"
CLOSING = r"[\"'”’」』）】》)\]]*"
END = re.compile(rf"[.!?{WIDE}]+{CLOSING}|\n")
SPACE = re.compile(r"\s*")
SOFT = re.compile(r"[,，、;；:：\s](?!.*[,，、;；:：\s])", re.DOTALL)
WORD = re.compile(r"[A-Za-z.]*$")
MARKER = re.compile(r"(?:^|\n)\s*(?:\d{1,3}|[A-Za-z])$")
SHORT = """
    mr mrs ms dr prof st jr sr gen rep sen gov capt lt col vs etc e.g i.e cf al fig
    figs no nos vol pp p ch sec eq approx dept est inc ltd co corp u.s u.k ph.d a.m
    p.m jan feb mar apr jun jul aug sep sept oct nov dec
"""
ABBREVIATIONS = frozenset(SHORT.split())


class Sentences:
    """Pieces in, whole sentences out. Joined, they are the pieces joined."""

    def __init__(self) -> None:
        self._held = ""

    @property
    def held(self) -> str:
        """The beginning of a sentence whose end is not there yet."""
        return self._held

    def push(self, piece: str) -> list[str]:
        """The sentences that are complete now."""
        self._held += piece
        found: list[str] = []
        while (end := cut(self._held)) is not None:
            found.append(self._held[:end])
            self._held = self._held[end:]
        return found

    def finish(self) -> str:
        """What was held back, now that nothing follows."""
        held, self._held = self._held, ""
        return held


def cut(text: str) -> int | None:
    """Where the first sentence ends; None when that cannot be said yet."""
    end = sentence_end(text)
    if end is not None and end <= LONGEST:
        return end
    if len(text) <= LONGEST:
        return None
    soft = SOFT.search(text[:LONGEST])
    return soft.end() if soft else LONGEST


def sentence_end(text: str) -> int | None:
    """Behind the first end and its white space, if something visible follows."""
    at = 0
    while (mark := END.search(text, at)) is not None:
        space = SPACE.match(text, mark.end())
        behind = space.end() if space else mark.end()
        if behind == len(text):
            return None
        if ends(text, mark, behind):
            return behind
        at = mark.end()
    return None


def ends(text: str, mark: re.Match[str], behind: int) -> bool:
    """Is this mark an end? `behind`: the place of the next visible character."""
    if "\n" in text[mark.start() : behind]:
        return True
    if any(character in WIDE for character in mark[0]):
        return True
    following = text[behind]
    if behind == mark.end():
        # No space: only where another script goes on, as in `OK.然后`.
        return following.isalpha() and not following.isascii() and is_wide(following)
    if "!" in mark[0] or "?" in mark[0]:
        return True
    return not (following.islower() or is_short(text[: mark.start()]))


def is_short(before: str) -> bool:
    """Does the full stop belong to an abbreviation, an initial or a list's number?"""
    word = WORD.search(before)
    name = word[0] if word else ""
    initial = len(name) == 1 and name.isupper()
    return initial or name.lower() in ABBREVIATIONS or bool(MARKER.search(before))


def is_wide(character: str) -> bool:
    return character >= "\u2e80"
