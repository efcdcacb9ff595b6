"""Import a file, a step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from .. import nudges
from ..errors import ChatError
from . import formats, reader
from .node import MisfitError, Node
from .store import store

MAX_PROBLEMS = 100
MAX_NUDGES = 50
"""So many new conversations the user's open pages are told of; more is a new list."""


@dataclass(slots=True)
class Report:
    """`imported` and `unchanged` count conversations, `skipped` messages and parts of
    them that had no place here."""

    imported: int = 0
    unchanged: int = 0
    messages: int = 0
    skipped: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)
    failed: int = 0


def run(user: Any, stream: IO[bytes]) -> Iterator[Report]:
    """Each step takes one conversation; the report is the same object, ever growing.

    Raises ChatError when the file as such is none, or nothing in it could be taken.
    What was imported before stays.
    """
    report = Report()
    try:
        for found in reader.conversations(stream):
            _take(user, found, report)
            yield report
    except MisfitError as error:
        raise refused(error) from error
    if report.failed and not report.imported + report.unchanged:
        first = report.problems[0]
        raise ChatError(first["message"], code="invalid_import", field=first["field"])
    yield report


def _take(user: Any, found: Node | MisfitError, report: Report) -> None:
    try:
        if isinstance(found, MisfitError):
            raise found
        draft = formats.read(found)
    except MisfitError as error:
        report.failed += 1
        if len(report.problems) < MAX_PROBLEMS:
            problem = {"field": error.place[:200], "message": str(error.message)}
            report.problems.append(problem)
        return
    stored = store(user, draft)
    report.skipped += draft.skipped
    report.messages += stored.messages
    if not stored.is_new and not stored.messages:
        report.unchanged += 1
        return
    report.imported += 1
    if report.imported <= MAX_NUDGES:
        action = "created" if stored.is_new else "updated"
        nudges.conversation_changed(user.pk, action, stored.conversation)


def refused(error: MisfitError) -> ChatError:
    return ChatError(error.message, code="invalid_import", field=error.place[:200])
