"""Many expressions at a time: Thompson's automaton (1968), made deterministic as it is
used. Linear in the text, whatever the expressions.

A text's characters fall into few classes (those that no expression tells apart), and
what a core of states does on each is computed once. Full-width characters count as
narrow ones, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .errors import RuleError
from .matches import Matched
from .syntax import Border, Choice, Look, Node, One, Repeat, Row, parse

MAX_STATES = 2000
"""Of one expression."""
MAX_CORES = 2000
MAX_CLASSED = 100_000
CLASS_BITS = 21
"""There are no more classes than characters."""
Signature = tuple[bool, ...]
"""Which of the automaton's tests a character passes; none, where there is no one."""
Condition = Callable[[Signature, Signature], bool]
"""Of the characters before and after a place."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """`check`: what the text of a match must pass besides."""

    pattern: str
    rule: Matched
    check: Callable[[str], bool] | None = None


@dataclass(eq=False, slots=True)
class State:
    """Goes on over a character that passes the test, or under conditions at once.
    `sources` and `entries` are the same steps, seen from where they lead."""

    test: int = -1
    after: State | None = None
    jumps: list[Jump] = field(default_factory=list)
    sources: list[State] = field(default_factory=list)
    entries: list[Jump] = field(default_factory=list)
    begins: Expression | None = None
    accepts: Expression | None = None


Jump = tuple[Condition | None, State]


@dataclass(eq=False, slots=True)
class Core:
    """States that are reached together. `moves`: by the classes of the characters
    before and after."""

    states: frozenset[State]
    moves: dict[int, Move] = field(default_factory=dict)


Move = tuple[Core, tuple[Expression, ...]]
"""Where a core goes, and what ends before it does; backwards, what begins there."""


class Automaton:
    """Goes forwards to where a match ends, with all that could begin anywhere at a
    time; and backwards from there to where it begins."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._tests: dict[str, int] = {}
        self._compiled: list[re.Pattern[str]] = []
        self._ends = {one: State(accepts=one) for one in expressions}
        self._starts = frozenset(
            _Builder(self, one).start(end) for one, end in self._ends.items()
        )
        link(self._starts)
        self._signatures: list[Signature] = [(False,) * len(self._tests)]
        self._numbers = {self._signatures[0]: 0}
        self.classes: dict[str, int] = {"": 0}
        self._forth: dict[frozenset[State], Core] = {}
        self._back: dict[frozenset[State], Core] = {}
        self.start = Core(frozenset())

    def test(self, source: str, *, ignore_case: bool) -> int:
        """The number of the test whether a character is this one."""
        name = f"(?i:{source})" if ignore_case else source
        if name not in self._tests:
            self._tests[name] = len(self._compiled)
            self._compiled.append(re.compile(name))
        return self._tests[name]

    def class_of(self, char: str) -> int:
        """0: no character."""
        known = self.classes.get(char)
        if known is not None:
            return known
        if len(self.classes) >= MAX_CLASSED:
            self.classes = {"": 0}
        narrow = unicodedata.normalize("NFKC", char)
        signature = tuple(
            any(one.fullmatch(form) for form in (char, narrow))
            for one in self._compiled
        )
        if signature not in self._numbers:
            self._numbers[signature] = len(self._signatures)
            self._signatures.append(signature)
        number = self.classes[char] = self._numbers[signature]
        return number

    def move(self, core: Core, before: int, char: int) -> Move:
        """Over a character."""
        key = before << CLASS_BITS | char
        if key not in core.moves:
            core.moves[key] = self._move(core, before, char)
        return core.moves[key]

    def _move(self, core: Core, before: int, char: int) -> Move:
        right = self._signatures[char]
        here = self._reached(core.states | self._starts, before, char)
        ended = {state.accepts: None for state in here if state.accepts}
        after = (state.after for state in here if state.after and right[state.test])
        return known(self._forth, frozenset(after)), tuple(ended)

    def back(self, core: Core, before: int, char: int) -> Move:
        """To the place before that character; what may begin there."""
        key = before << CLASS_BITS | char
        if key not in core.moves:
            core.moves[key] = self._moved_back(core, before, char)
        return core.moves[key]

    def _moved_back(self, core: Core, before: int, char: int) -> Move:
        right = self._signatures[char]
        sources = (from_ for state in core.states for from_ in state.sources)
        come = frozenset(state for state in sources if right[state.test])
        here = self._reached(come, before, char, back=True)
        begun = {state.begins: None for state in here if state.begins}
        return known(self._back, frozenset(here)), tuple(begun)

    def ending(self, expression: Expression, before: int, char: int) -> Core:
        """From where to go back, when it ended between these."""
        end = frozenset((self._ends[expression],))
        here = self._reached(end, before, char, back=True)
        return known(self._back, frozenset(here))

    def alive(self, core: Core) -> Core:
        """From where to go back, to where what is live began."""
        return known(self._back, core.states)

    def _reached(
        self, states: frozenset[State], before: int, char: int, *, back: bool = False
    ) -> dict[State, None]:
        left, right = self._signatures[before], self._signatures[char]
        return reached(states, lambda condition: condition(left, right), back=back)

    @property
    def matches_nothing(self) -> bool:
        here = reached(self._starts, lambda _condition: True)
        return any(state.accepts for state in here)


def known(cores: dict[frozenset[State], Core], states: frozenset[State]) -> Core:
    if states not in cores:
        if len(cores) >= MAX_CORES:
            cores.clear()  # those in use know where they go
        cores[states] = Core(states)
    return cores[states]


def reached(
    states: frozenset[State],
    holds: Callable[[Condition], bool],
    *,
    back: bool = False,
) -> dict[State, None]:
    """These, and all that follows (or goes before) without a character."""
    found = dict.fromkeys(states)
    left = list(states)
    while left:
        state = left.pop()
        for condition, after in state.entries if back else state.jumps:
            if after not in found and (condition is None or holds(condition)):
                found[after] = None
                left.append(after)
    return found


def link(starts: frozenset[State]) -> None:
    """Let all states know from where they are reached."""
    seen = set(starts)
    left = list(starts)
    while left:
        state = left.pop()
        following = [after for _condition, after in state.jumps]
        for condition, after in state.jumps:
            after.entries.append((condition, state))
        if state.after is not None:
            state.after.sources.append(state)
            following.append(state.after)
        fresh = [after for after in dict.fromkeys(following) if after not in seen]
        seen.update(fresh)
        left += fresh


class _Builder:
    """Of one expression, backwards: each part is given what follows it."""

    def __init__(self, automaton: Automaton, expression: Expression) -> None:
        self._automaton = automaton
        self._expression = expression
        self._count = 0

    def start(self, end: State) -> State:
        tree, self._ignore = parse(self._expression.pattern)
        begin = self._state((None, self._build(tree, end)))
        begin.begins = self._expression
        return begin

    def _state(self, *jumps: tuple[Condition | None, State]) -> State:
        self._count += 1
        if self._count > MAX_STATES:
            raise RuleError("too_complicated", self._expression.pattern)
        return State(jumps=list(jumps))

    def _test(self, source: str) -> int:
        return self._automaton.test(source, ignore_case=self._ignore)

    def _build(self, node: Node, then: State) -> State:
        match node:
            case One(source):
                state = self._state()
                state.test, state.after = self._test(source), then
                return state
            case Look(source, before, wanted):
                return self._state((look(self._test(source), before, wanted), then))
            case Border(wanted):
                return self._state((border(self._test(r"\w"), wanted), then))
            case Row(parts):
                for part in reversed(parts):
                    then = self._build(part, then)
                return then
            case Choice(rows):
                return self._state(*((None, self._build(row, then)) for row in rows))
            case Repeat(part, least, most):
                return self._repeat(part, least, most, then)

    def _repeat(self, part: Node, least: int, most: int | None, then: State) -> State:
        if most is None:
            again = self._state((None, then))
            again.jumps.append((None, self._build(part, again)))
            then = again
        else:
            end = then
            for _time in range(most - least):
                then = self._state((None, self._build(part, then)), (None, end))
        for _time in range(least):
            then = self._build(part, then)
        return then


def look(test: int, before: bool, wanted: bool) -> Condition:
    if before:
        return lambda left, _right: left[test] is wanted
    return lambda _left, right: right[test] is wanted


def border(test: int, wanted: bool) -> Condition:
    return lambda left, right: (left[test] is not right[test]) is wanted
