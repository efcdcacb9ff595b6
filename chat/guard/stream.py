"""One text on its way through the rules.

What leaves is a function of the text alone, not of how it was cut: a character is
masked if it is in any match of a rule that masks; the text ends where the first match
of a rule that blocks begins, first being the one that is certain first.
"""

from __future__ import annotations

from dataclasses import dataclass

from .keywords import KeywordScan
from .matches import WINDOW, Match, Matched, Tail
from .patterns import PatternScan
from .rules import RuleSet

MASK = "█"
"""In the place of each masked character: numbers and lines stay where they are."""
KEPT = 2 * WINDOW
"""A longer tail is cut."""
PIECE = 1024
"""Longer texts are taken in pieces, so that few spans are open at a time."""


@dataclass(slots=True)
class Finding:
    """From `start` to `end` the text matched; `text` is how that begins."""

    rule: Matched
    start: int
    end: int
    text: str


class Guard:
    """feed, feed, …, finish. Lets out what is certain, and holds the rest.

    `already`: what was let out before, without being looked at here. Nothing of that
    is taken back, but what begins in it and goes on is found.
    """

    def __init__(self, rules: RuleSet, already: str = "") -> None:
        self._keywords = KeywordScan(rules.keywords) if rules.keywords else None
        self._patterns = PatternScan(rules.patterns) if rules.patterns else None
        self._tail = Tail()
        self._spans: list[Finding] = []
        """What matched and was not let out yet. Those of one rule do not overlap."""
        self._findings: list[Finding] = []
        self.blocked: Matched | None = None
        """By this rule: nothing follows."""
        if already:
            self._tail.text = already[-WINDOW - 1 :]
            self._tail.base = len(already) - len(self._tail.text)
            self._scan(self._tail.text)
        self._given = self._out = self._cut = self._tail.end

    @property
    def held(self) -> str:
        """What came in and was not let out yet."""
        return self._tail.part(self._out, self._tail.end)

    @property
    def quiet(self) -> bool:
        """Nothing was found since the last time."""
        return not self._findings

    def findings(self) -> list[Finding]:
        """Those since the last time, of what was let out or blocked."""
        found, self._findings = self._findings, []
        return found

    def feed(self, text: str) -> str:
        """What may be seen now."""
        if len(text) > PIECE:
            starts = range(0, len(text), PIECE)
            return "".join([self.feed(text[at : at + PIECE]) for at in starts])
        if self.blocked is not None:
            return ""
        tail = self._tail
        tail.text += text
        if (found := self._scan(text)) and self._note(found):
            return self._block()
        return self._release(self._undecided())

    def finish(self) -> str:
        """The rest, now that nothing follows."""
        if self.blocked is not None:
            return ""
        found = self._keywords.finish(self._tail.end) if self._keywords else []
        if self._patterns:
            found += self._patterns.finish(self._tail)
        if self._note(found):
            return self._block()
        return self._release(self._tail.end)

    def _scan(self, text: str) -> list[Match]:
        """What is certain by this text, with which the tail ends now."""
        found: list[Match] = []
        if self._keywords:
            found = self._keywords.scan(self._tail, text)
        if self._patterns:
            found += self._patterns.scan(self._tail, text)
        return found

    def _undecided(self) -> int:
        tail = self._tail
        if not self._patterns:
            return self._keywords.undecided(tail) if self._keywords else tail.end
        place = self._patterns.undecided(tail)
        return min(place, self._keywords.undecided(tail)) if self._keywords else place

    def _note(self, found: list[Match]) -> bool:
        """Take in matches, up to the first that blocks, if there is one. What was let
        out before this text came is past."""
        found = [match for match in found if match.end > self._given]
        blocks = [match for match in found if match.rule.action == "block"]
        if blocks:
            first = min(blocks, key=lambda match: (match.seen, match.start))
            self.blocked = first.rule
            self._cut = max(first.start, self._out)
            found = [match for match in found if match.seen <= first.seen]
        for match in found:
            self._add(match)
        return bool(blocks)

    def _add(self, match: Match) -> None:
        """One span of all overlapping matches of a rule."""
        start, end = match.start, match.end
        apart: list[Finding] = []
        text = ""
        for span in self._spans:
            if span.rule is match.rule and span.start < end and start < span.end:
                if span.start <= start:
                    start, text = span.start, span.text
                end = max(end, span.end)
            else:
                apart.append(span)
        text += self._tail.part(start + len(text), min(end, start + WINDOW))
        self._spans = [*apart, Finding(match.rule, start, end, text)]

    def _block(self) -> str:
        """What stands before it."""
        self._spans.sort(key=lambda span: (span.start, span.end))
        cut, blocks = self._cut, "block"
        kept = [s for s in self._spans if s.start < cut or s.rule.action == blocks]
        self._spans = kept
        text = self._masked(self._tail.part(self._out, cut), self._out)
        self._findings += kept
        self._out = self._tail.end
        return text

    def _release(self, place: int) -> str:
        """Let out everything before this place."""
        tail, out = self._tail, self._out
        if place <= out:
            return ""
        self._out = place
        text = tail.text[out - tail.base : place - tail.base]
        if self._spans:
            text = self._masked(text, out)
            self._findings += [span for span in self._spans if span.end <= place]
            self._spans = [span for span in self._spans if span.end > place]
        if len(tail.text) > KEPT:
            # One character before is looked back at.
            tail.cut(place - 1)
        return text

    def _masked(self, text: str, place: int) -> str:
        """What begins at this place, as it may be seen."""
        for span in self._spans:
            first = max(0, span.start - place)
            last = min(len(text), span.end - place)
            if span.rule.action == "mask" and first < last:
                text = text[:first] + MASK * (last - first) + text[last:]
        return text
