"""Expressions in a text that arrives in pieces.

One step for each character, forwards; where something ended, or is to be held, back to
where it began. What could still become a match begins no earlier than what could a
piece ago, so the way back is as long as what is held.
"""

from __future__ import annotations

from collections.abc import Iterator

from .automaton import CLASS_BITS, Automaton, Core, Expression
from .matches import WINDOW, Match, Tail


class PatternScan:
    """One text on its way through. A match is certain one character later."""

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._core = automaton.start
        self._before = 0
        """The class of the last character."""
        self._floor = 0
        """Nothing that is live, or will be, begins before this place."""

    def scan(self, tail: Tail, text: str) -> list[Match]:
        """Take in the text that the tail ends with now."""
        found: list[Match] = []
        automaton, core, before = self._automaton, self._core, self._before
        classes = automaton.classes
        place = tail.end - len(text)
        for char in text:
            number = classes.get(char)
            if number is None:
                number = automaton.class_of(char)
            move = core.moves.get(before << CLASS_BITS | number)
            if move is None:
                move = automaton.move(core, before, number)
            if move[1]:
                found += self._ended(move[1], tail, place, before, number)
            core = move[0]
            before = number
            place += 1
        self._core, self._before = core, before
        return found

    def finish(self, tail: Tail) -> list[Match]:
        _core, ended = self._automaton.move(self._core, self._before, 0)
        return self._ended(ended, tail, tail.end, self._before, 0)

    def _ended(
        self,
        expressions: tuple[Expression, ...],
        tail: Tail,
        end: int,
        before: int,
        char: int,
    ) -> list[Match]:
        """What ends at this place, between characters of these classes. Without a
        check, the longest has them all in it."""
        found: list[Match] = []
        for one in expressions:
            starts = self._starts(self._automaton.ending(one, before, char), tail, end)
            if one.check is not None:
                fit = [at for at in starts if one.check(tail.part(at, end))]
            else:
                fit = list(starts)[-1:]
            found += [Match(one.rule, start, end, end + 1) for start in fit]
        return found

    def undecided(self, tail: Tail) -> int:
        """Where what could still become a match begins; the end if nothing could."""
        place = tail.end
        if self._core.states:
            live = self._automaton.alive(self._core)
            place = min(self._starts(live, tail, place), default=place)
        self._floor = place
        return place

    def _starts(self, core: Core, tail: Tail, end: int) -> Iterator[int]:
        """The places where what is in this core at the end may have begun, the last
        one first."""
        automaton, text, base = self._automaton, tail.text, tail.base
        floor = max(self._floor, end - WINDOW, base)
        number = automaton.class_of(tail.before(end))
        for place in range(end - 1, floor - 1, -1):
            index = place - base - 1
            before = automaton.class_of(text[index]) if index >= 0 else 0
            core, begun = automaton.back(core, before, number)
            if begun:
                yield place
            if not core.states:
                return
            number = before
