"""The guard's rules as this process knows them: compiled once for each version.

Whoever changes a rule says so (`announce`). A process that did not hear it finds out
by itself: where prompts are checked and answers begin, whenever it last looked more
than a moment ago; where answers are written, also in between (`chat.running.chores`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, Max

from .. import nudges
from ..external.rules import Check
from ..guard import Rule, RuleError, RuleSet, compile_rules
from ..models import GuardRule

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""How old what a process knows of the rules may be."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Those in force. `names` by the rules' keys. `outside_…`: external checks, and
    `judges` the models that they ask."""

    prompts: RuleSet = field(default_factory=lambda: compile_rules([]))
    answers: RuleSet = field(default_factory=lambda: compile_rules([]))
    names: Mapping[int, str] = field(default_factory=dict)
    outside_prompts: tuple[Check, ...] = ()
    outside_answers: tuple[Check, ...] = ()
    judges: frozenset[str] = frozenset()


NO_RULES = Rules()


class Rulebook:
    def __init__(self) -> None:
        self.known = NO_RULES
        """Needs no database. Another object when the rules have changed."""
        self._version: Any = None
        self._until = 0.0
        self._changes = 0
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Look again: they have just been changed."""
        self._changes += 1
        self._until = 0.0

    def now(self) -> Rules:
        if self._until < time.monotonic():
            with self._lock:
                self._look()
        return self.known

    def learn(self) -> bool:
        """For a chore: look now; there is nothing more to do."""
        self.forget()
        self.now()
        return False

    def _look(self) -> None:
        looked, changes = time.monotonic(), self._changes
        rows = GuardRule.objects.all()
        version = rows.aggregate(Max("changed"), Max("pk"), Count("pk"))
        if version != self._version:
            self.known = compiled(list(rows.filter(enabled=True)))
            self._version = version
        if changes == self._changes:  # else they changed while we looked
            self._until = looked + SECONDS


def compiled(rows: list[GuardRule]) -> Rules:
    """A rule that was not checked when it was saved must not undo the others."""
    inside = [row for row in rows if not row.is_external]
    rules = {row: rule for row in inside if (rule := checked(row)) is not None}
    outside = {row: row.as_check() for row in rows if row.is_external}
    return Rules(
        compile_rules([rule for row, rule in rules.items() if row.on_prompts]),
        compile_rules([rule for row, rule in rules.items() if row.on_answers]),
        {row.pk: row.name for row in rules},
        tuple(check for row, check in outside.items() if row.on_prompts),
        tuple(check for row, check in outside.items() if row.on_answers),
        frozenset(check.service.model for check in outside.values()),
    )


def checked(row: GuardRule) -> Rule | None:
    rule = row.compiled_from()
    try:
        rule.check()
    except RuleError as error:
        logger.error("guard rule %s is not in force: %s", row.pk, error)
        return None
    return rule


def announce() -> None:
    """Rules are being changed: when that is committed, all processes look."""

    def tell() -> None:
        rulebook.forget()
        nudges.rules.send()

    transaction.on_commit(tell)


rulebook = Rulebook()
"""As this process knows them."""
