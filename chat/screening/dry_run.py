"""What guard rules would find in the conversations there are. Numbers and places only;
but who may choose the rule learns something of the text, so it takes the permission to
review, and is in the audit log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ..guard import Guard, RuleSet, compile_rules
from ..models import GuardRule, Message
from ..privacy import audit, review

CONVERSATIONS = 200
MESSAGES = 5000
SECONDS = 5.0
PLACES = 100
READ_AT_ONCE = 100


@dataclass(slots=True)
class Tried:
    """`questions` and `answers`: messages in which each rule, by its key, found
    something. Not `complete`: there was too much to read all of it."""

    conversations: int = 0
    messages: int = 0
    complete: bool = True
    questions: Counter[int] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    places: list[tuple[int, UUID, UUID]] = field(default_factory=list)
    """Rule, conversation and message of the newest ones."""


def dry_run(rules: Sequence[GuardRule], by: Any) -> Tried:
    """Over the newest conversations this user may review, whether the rules are in
    force or not. Raises `RuleError`."""
    prompts = flagging([rule for rule in rules if rule.on_prompts])
    answers = flagging([rule for rule in rules if rule.on_answers])
    newest = review.readable(by).order_by("-updated", "-id")
    chosen = list(newest.values_list("pk", flat=True)[:CONVERSATIONS])
    tried = Tried(conversations=len(chosen))
    named = ", ".join(rule.name for rule in rules)[:500]
    listed = {review.LISTS: None}
    audit.record_many(by, audit.Action.LISTED, "conversation", listed, named)
    ends = time.monotonic() + SECONDS
    for message in told_in(chosen):
        if tried.messages >= MESSAGES or time.monotonic() > ends:
            tried.complete = False
            break
        tried.messages += 1
        answer = message.role == "assistant"
        found = keys(answers if answer else prompts, message)
        (tried.answers if answer else tried.questions).update(found)
        room = PLACES - len(tried.places)
        tried.places += [
            (key, message.conversation_id, message.pk) for key in sorted(found)[:room]
        ]
    return tried


def flagging(rules: Sequence[GuardRule]) -> RuleSet:
    """None ends a text: the others look at all of it, too."""
    return compile_rules([replace(r.compiled_from(), action="flag") for r in rules])


def told_in(conversations: Sequence[UUID]) -> Iterator[Message]:
    """The newest conversation first."""
    rows = Message.objects.only("role", "content", "reasoning", "conversation")
    for pk in conversations:
        inside = rows.filter(conversation=pk).order_by("created", "id")
        yield from inside.iterator(READ_AT_ONCE)


def keys(rules: RuleSet, message: Message) -> set[int]:
    """The rules that find something in it."""
    found: set[int] = set()
    for text in (message.content, message.reasoning):
        guard = Guard(rules)
        guard.feed(text)
        guard.finish()
        found |= {finding.rule.key for finding in guard.findings()}
    return found
