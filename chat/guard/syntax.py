"""Regular expressions, read into a tree: Python's syntax without what looks far.

Taken are characters, classes, groups, `|`, `* + ? {m,n}`, `\\b`, `\\B`, and looking at
one character before or behind (`(?<!\\d)`, `(?=[a-z])`). What one character is, is
left to Python's `re`. A leading `(?i)` ignores case. Whether a repetition is lazy makes
no difference: every match counts.

Not taken are anchors, references and wider looks: of those, no text that is still
being written could be told apart from one that matches.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field

from .errors import RuleError

MAX_PATTERN = 500
MAX_NESTED = 20
MAX_REPEAT = 256
QUANTIFIER = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
OPENING = re.compile(r"\((?:\?P<\w+>|\?:|(?!\?))")
LOOKS = {
    "(?<=": (True, True),
    "(?<!": (True, False),
    "(?=": (False, True),
    "(?!": (False, False),
}
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^0-9])")
FAR = set("AZzGK")
"""Escapes that ask where the text begins or ends."""


@dataclass(frozen=True, slots=True)
class One:
    """One character, as this expression says."""

    source: str


@dataclass(frozen=True, slots=True)
class Look:
    """Whether the character before (or after) this place is that one."""

    source: str
    before: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class Border:
    """Whether a word begins or ends at this place."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Row:
    parts: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Choice:
    rows: list[Node]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`most` None: any number."""

    part: Node
    least: int
    most: int | None


Node = One | Look | Border | Row | Choice | Repeat


def parse(pattern: str) -> tuple[Node, bool]:
    """The tree, and whether case is ignored. Raises `RuleError`."""
    if not pattern:
        raise RuleError("empty")
    if len(pattern) > MAX_PATTERN:
        raise RuleError("too_long", str(MAX_PATTERN))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise RuleError("syntax", str(error)) from error
    ignore = pattern.startswith("(?i)")
    return _Parser(pattern[4:] if ignore else pattern).whole(), ignore


class _Parser:
    """By recursive descent. The syntax is right: `re` has compiled it."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._nested = 0

    def whole(self) -> Node:
        return self._choice()

    def _choice(self) -> Node:
        rows: list[Node] = [self._row()]
        while self._take("|"):
            rows.append(self._row())
        return rows[0] if len(rows) == 1 else Choice(rows)

    def _row(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._item()))
        return Row(parts)

    def _repeated(self, part: Node) -> Node:
        found = self._quantifier()
        if found is None:
            return part
        least, most = found
        if max(least, most or 0) > MAX_REPEAT:
            raise RuleError("too_complicated", self._text)
        self._take("?")
        if self._text.startswith("+", self._at):
            raise self._unsupported(1)
        return Repeat(part, least, most)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        match = QUANTIFIER.match(self._text, self._at)
        if match is None or match[0] == "{}":
            return None
        self._at = match.end()
        least = int(match[1] or 0)
        if not match[2]:
            return least, least
        return least, int(match[3]) if match[3] else None

    def _item(self) -> Node:
        char = self._text[self._at]
        if char == "(":
            return self._group()
        if char in "^$":
            raise self._unsupported(1)
        if char == "[":
            return One(self._class())
        if char == "\\":
            return self._escape()
        self._at += 1
        return One(char if char == "." else re.escape(char))

    def _group(self) -> Node:
        for opening, (before, wanted) in LOOKS.items():
            if self._take(opening):
                return self._look(before, wanted)
        named = OPENING.match(self._text, self._at)
        if named is None:
            raise self._unsupported(4)
        self._at = named.end()
        self._nested += 1
        if self._nested > MAX_NESTED:
            raise RuleError("too_complicated", self._text)
        inside = self._choice()
        self._nested -= 1
        self._at += 1  # the bracket
        return inside

    def _look(self, before: bool, wanted: bool) -> Node:
        start = self._at
        inside = self._choice()
        row = inside.parts if isinstance(inside, Row) else []
        if len(row) != 1 or not isinstance(row[0], One):
            raise RuleError("unsupported", self._text[start : self._at])
        self._at += 1
        return Look(row[0].source, before, wanted)

    def _class(self) -> str:
        start = self._at
        self._at += 2 if self._text.startswith("[^", start) else 1
        self._at += 1  # what comes first is a member, also a bracket
        if self._text[self._at - 1] == "\\":
            self._at += 1
        while self._text[self._at] != "]":
            self._at += 2 if self._text[self._at] == "\\" else 1
        self._at += 1
        return self._text[start : self._at]

    def _escape(self) -> Node:
        match = ESCAPE.match(self._text, self._at)
        if match is None or match[0][1] in FAR:
            raise self._unsupported(2)
        self._at = match.end()
        if match[0] in ("\\b", "\\B"):
            return Border(match[0] == "\\b")
        return One(match[0])

    def _take(self, sign: str) -> bool:
        if self._text.startswith(sign, self._at):
            self._at += len(sign)
            return True
        return False

    def _unsupported(self, length: int) -> RuleError:
        return RuleError("unsupported", self._text[self._at : self._at + length])
