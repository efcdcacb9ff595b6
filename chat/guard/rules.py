"""Rules, and what they compile to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from .automaton import Automaton, Expression
from .errors import RuleError
from .keywords import Keywords, Word, word
from .personal import EXPRESSIONS

Kind = Literal["keywords", "regex", "email", "phone", "chinese_id", "card"]
Action = Literal["flag", "mask", "block"]
MAX_WORDS = 20_000
"""Of all rules together."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern`: words, one on each line, or a regular expression. `whole_words`:
    words of letters are not found within longer ones."""

    key: int
    kind: Kind
    action: Action
    pattern: str = ""
    whole_words: bool = True

    def words(self) -> Iterator[Word]:
        for line in self.pattern.splitlines():
            if (found := word(line, self, whole=self.whole_words)) is not None:
                yield found

    def expressions(self) -> Iterator[Expression]:
        if self.kind == "regex":
            yield Expression(self.pattern, self)
        for pattern, check in EXPRESSIONS.get(self.kind, ()):
            yield Expression(pattern, self, check)

    def check(self) -> None:
        """Raises `RuleError`."""
        if self.kind == "keywords":
            found = list(self.words())
            if not found:
                raise RuleError("empty")
            if len(found) > MAX_WORDS:
                raise RuleError("too_many", str(MAX_WORDS))
        elif Automaton(list(self.expressions())).matches_nothing:
            raise RuleError("matches_nothing")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Compiled. Any number of texts go through it at a time."""

    keywords: Keywords | None
    patterns: Automaton | None

    def __bool__(self) -> bool:
        return self.keywords is not None or self.patterns is not None


NO_RULES = RuleSet(None, None)


def compile_rules(rules: Iterable[Rule]) -> RuleSet:
    """Raises `RuleError`: of rules that passed their `check`, only `too_many`."""
    rules = list(rules)
    words = [each for r in rules if r.kind == "keywords" for each in r.words()]
    if len(words) > MAX_WORDS:
        raise RuleError("too_many", str(MAX_WORDS))
    expressions = [each for rule in rules for each in rule.expressions()]
    return RuleSet(
        Keywords(words) if words else None,
        Automaton(expressions) if expressions else None,
    )
