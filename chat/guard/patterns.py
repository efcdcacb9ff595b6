"""Expressions in a text that arrives in pieces."""

from __future__ import annotations

from .automaton import CLASS_BITS, Automaton, Core, Expression
from .matches import WINDOW, Match, Tail


class PatternScan:
    """One text on its way through. A match is certain one character later."""

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._before = 0
        """The class of the last character."""
        self._live: dict[Core, list[int]] = {}
        """What could still become a match, with the places where those begin."""
        self._expires = 0
        """Not before this place is one of them too long."""

    def scan(self, tail: Tail, text: str) -> list[Match]:
        """Take in the text that the tail ends with now."""
        found: list[Match] = []
        automaton, before = self._automaton, self._before
        moves, classes = automaton.start.moves, automaton.classes
        place = tail.end - len(text)
        for char in text:
            number = classes.get(char)
            if number is None:
                number = automaton.class_of(char)
            fresh = moves.get(before << CLASS_BITS | number)
            if fresh is None:
                fresh = automaton.move(automaton.start, before, number)
            if self._live:
                self._advance(tail, place, before, number, found)
            if fresh[0].states:
                self._begin(fresh[0], place)
            before = number
            place += 1
        self._before = before
        return found

    def _begin(self, core: Core, place: int) -> None:
        """At this place, over its character."""
        if not self._live:
            self._expires = place + WINDOW
        self._live.setdefault(core, []).append(place)

    def _advance(
        self, tail: Tail, place: int, before: int, char: int, found: list[Match]
    ) -> None:
        """What is live goes over the character at this place."""
        live: dict[Core, list[int]] = {}
        key = before << CLASS_BITS | char
        for core, starts in self._live.items():
            move = core.moves.get(key)
            if move is None:
                move = self._automaton.move(core, before, char)
            after, ended = move
            for expression in ended:
                found += matches(expression, starts, tail, place)
            if not after.states:
                continue
            if after in live:
                live[after] += starts
            else:
                live[after] = starts
        self._live = live
        if live and place >= self._expires:
            self._expire(place - WINDOW)

    def _expire(self, oldest: int) -> None:
        """Drop what began there or before."""
        live = {
            core: [start for start in starts if start > oldest]
            for core, starts in self._live.items()
        }
        self._live = {core: starts for core, starts in live.items() if starts}
        self._expires = min(map(min, self._live.values()), default=oldest) + WINDOW

    def finish(self, tail: Tail) -> list[Match]:
        found: list[Match] = []
        for core, starts in self._live.items():
            _after, ended = self._automaton.move(core, self._before, 0)
            for expression in ended:
                found += matches(expression, starts, tail, tail.end)
        return found

    def undecided(self, tail: Tail) -> int:
        """Where what could still become a match begins; the end if nothing could."""
        return min(map(min, self._live.values()), default=tail.end)


def matches(
    expression: Expression, starts: list[int], tail: Tail, end: int
) -> list[Match]:
    """Those that end here. Without a check, the longest has them all in it."""
    check = expression.check
    if check is None:
        return [Match(expression.rule, min(starts), end, end + 1)]
    return [
        Match(expression.rule, start, end, end + 1)
        for start in starts
        if check(tail.part(start, end))
    ]
