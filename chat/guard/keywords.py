"""Many words at a time, by the automaton of Aho and Corasick (1975).

Its state is the longest end of the text that some word begins with: exactly what could
still become a match.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import RuleError
from .folding import FOLDED, fold, in_word
from .matches import Match, Matched, Tail

MAX_WORD = 64
"""Folded characters. With those that are skipped, no longer than the window."""
MAX_STEPS = 50_000
MAX_SKIPPED = 3
"""So many unseen characters in a row are passed over; more end a word."""


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word. `left`, `right`: no letter may stand there beside it."""

    text: str
    rule: Matched
    left: bool
    right: bool


def word(text: str, rule: Matched, *, whole: bool) -> Word | None:
    """None of what is empty. Only letters of scripts with spaces have neighbours."""
    folded = fold(text).strip()
    if len(folded) > MAX_WORD:
        raise RuleError("too_long", text[:MAX_WORD])
    if not folded:
        return None
    return Word(
        folded, rule, whole and in_word(folded[0]), whole and in_word(folded[-1])
    )


class Keywords:
    """State 0 is the beginning."""

    def __init__(self, words: Iterable[Word]) -> None:
        self.next: list[dict[str, int]] = [{}]
        self.fail = [0]
        self.depth = [0]
        self.words: list[tuple[Word, ...]] = [()]
        self.steps: dict[tuple[int, str], int] = {}
        """From a state over a piece of text in which nothing is found: tokens come
        again and again."""
        for each in words:
            state = self._insert(each.text)
            self.words[state] += (each,)
        self._link()

    def _insert(self, text: str) -> int:
        state = 0
        for char in text:
            after = self.next[state].get(char)
            if after is None:
                after = self.next[state][char] = len(self.next)
                self.next.append({})
                self.fail.append(0)
                self.depth.append(self.depth[state] + 1)
                self.words.append(())
            state = after
        return state

    def _link(self) -> None:
        queue = deque(self.next[0].values())
        while queue:
            state = queue.popleft()
            for char, after in self.next[state].items():
                self.fail[after] = self.step(self.fail[state], char)
                queue.append(after)
            # The shorter ones that end here too; those of `fail` are complete.
            self.words[state] += self.words[self.fail[state]]

    def step(self, state: int, char: str) -> int:
        while (after := self.next[state].get(char)) is None:
            if not state:
                return 0
            state = self.fail[state]
        return after


class KeywordScan:
    """One text on its way through."""

    def __init__(self, keywords: Keywords) -> None:
        self._keywords = keywords
        self._state = 0
        self._skipped = 0
        self._plain = True
        """No word ended, and no character was odd."""
        self._odd = 0
        """Behind the last character that is not one when folded."""
        self._pending: list[tuple[Word, int, int]] = []
        """Words that were found and end in a letter: no other may follow it."""

    def scan(self, tail: Tail, text: str) -> list[Match]:
        """Take in the text that the tail ends with now."""
        if self._pending or self._skipped:
            return self._walk(tail, text)
        steps, key = self._keywords.steps, (self._state, text)
        after = steps.get(key)
        if after is not None:
            self._state = after
            return []
        self._plain = len(text) <= MAX_WORD
        found = self._walk(tail, text)
        if self._plain:
            if len(steps) >= MAX_STEPS:
                steps.clear()
            steps[key] = self._state
        return found

    def _walk(self, tail: Tail, text: str) -> list[Match]:
        found: list[Match] = []
        automaton = self._keywords
        step, words = automaton.next, automaton.words
        state = self._state
        place = tail.end - len(text)
        for char in text:
            place += 1
            folded = FOLDED[char]
            if len(folded) != 1 or self._pending or self._skipped:
                self._state = state
                self._take(tail, place, folded, found)
                state = self._state
                continue
            after = step[state].get(folded)
            if after is None:
                if not state:
                    continue
                after = automaton.step(automaton.fail[state], folded)
            state = after
            if words[state]:
                self._state = state
                self._note(tail, place, found, inside=False)
        self._state = state
        return found

    def _take(self, tail: Tail, place: int, folded: str, found: list[Match]) -> None:
        """A character that is not one when folded, or stands behind such a place."""
        self._settle(folded[:1], place, found)
        if len(folded) != 1:
            self._odd, self._plain = place, False
        if folded:
            self._skipped = 0
        elif self._state:
            self._skipped += 1
            if self._skipped > MAX_SKIPPED:
                self._state = self._skipped = 0
        for index, char in enumerate(folded):
            self._state = self._keywords.step(self._state, char)
            inside = index + 1 < len(folded) and in_word(folded[index + 1])
            self._note(tail, place, found, inside=inside)

    def _note(
        self, tail: Tail, place: int, found: list[Match], *, inside: bool
    ) -> None:
        """The words that end here. `inside`: in the midst of a character."""
        self._plain = self._plain and not self._keywords.words[self._state]
        for each in self._keywords.words[self._state]:
            start, whole = self._start(tail, place, len(each.text))
            before = FOLDED[char] if (char := tail.before(start)) else ""
            if each.left and (not whole or in_word(before[-1:])):
                continue
            if not each.right:
                found.append(Match(each.rule, start, place, place))
            elif not inside:
                self._pending.append((each, start, place))

    def _settle(self, follows: str, place: int, found: list[Match]) -> None:
        if self._pending and not in_word(follows):
            found += [
                Match(each.rule, start, end, place)
                for each, start, end in self._pending
            ]
        self._pending.clear()

    def finish(self, end: int) -> list[Match]:
        found: list[Match] = []
        self._settle("", end + 1, found)
        return found

    def undecided(self, tail: Tail) -> int:
        """Where what could still become a match begins; the end if nothing could."""
        place = tail.base + len(tail.text)
        if depth := self._keywords.depth[self._state]:
            if place - depth >= self._odd:
                place -= depth
            else:
                place = self._start(tail, place, depth)[0]
        for _word, start, _end in self._pending:
            place = min(place, start)
        return place

    @staticmethod
    def _start(tail: Tail, end: int, length: int) -> tuple[int, bool]:
        """Where so many folded characters before `end` begin, and whether that is at
        the beginning of a character."""
        index = end - tail.base
        while length > 0 and index > 0:
            index -= 1
            length -= len(FOLDED[tail.text[index]])
        return tail.base + index, length == 0
