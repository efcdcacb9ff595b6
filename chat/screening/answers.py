"""What an engine says, past the guard's rules: between the engine and the tape.

All there is of an answer (on every wire, in the row, in search) comes from the tape or
the row, so nothing else has to look. A chunk waits until all of its text is certain,
and keeps its tokens: who continues an answer goes on behind what was let out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeGuard

from ..engines.base import Chunk, EngineEvent, Finished
from ..guard import Guard, RuleSet
from ..models import GuardFinding
from . import findings
from .rulebook import NO_RULES, Rules, rulebook

Part = str | int
"""`text`, `reasoning`, or the index of a tool call, whose arguments it is."""
Piece = tuple[Part | None, str, Chunk]
"""A chunk that is of one part at most, and its text."""


BLOCKED = Finished("content_filter")


class Answer(Protocol):
    """What was let out so far."""

    def part(self, part: Part) -> str: ...


class Line:
    """Chunks that wait until all of their text may be seen."""

    def __init__(self) -> None:
        # A list, for it is short: a deque is half a kilobyte, even an empty one.
        self._waiting: list[Piece] = []
        self._ready = ""
        """Text of those that wait which may be seen already."""

    def _cleared(self) -> list[Chunk]:
        """Those that wait no longer."""
        waiting, ready = self._waiting, self._ready
        cleared: list[Chunk] = []
        for part, text, chunk in waiting:
            if len(text) > len(ready):
                break
            said, ready = ready[: len(text)], ready[len(text) :]
            cleared.append(chunk if said == text else saying(chunk, part, said))
        self._ready = ready
        del waiting[: len(cleared)]
        return cleared

    def _left(self) -> list[Chunk]:
        """Behind a block: what stands before it, and the tokens of the rest."""
        left = self._cleared()
        for part, _text, chunk in self._waiting:
            said, self._ready = self._ready, ""
            left.append(saying(chunk, part, said))
        self._waiting.clear()
        return left


class Screen(Line):
    """One attempt's. One part is written at a time: where another one begins, the one
    before has ended, until it goes on."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer
        self._rules: Rules = NO_RULES
        self._part: Part = "text"
        self._guard: Guard | None = None
        self._blocked = False
        self._found: list[GuardFinding] = []
        self._count = 0

    def through(self, event: EngineEvent) -> Iterable[EngineEvent]:
        """What may be known of now, to be taken in one by one. A block is the end."""
        rules = rulebook.known
        if rules is self._rules:
            if not rules.answers and not self._waiting:
                return (event,)
            if self._guard is not None and goes_on(event, self._part):
                self._waiting.append((self._part, event.text, event))
                cleared = self._feed(event.text)
                if not self._blocked:
                    return cleared
                return [*cleared, *self._left(), BLOCKED]
        return self._through(event)

    def _through(self, event: EngineEvent) -> Iterator[EngineEvent]:
        if rulebook.known is not self._rules:
            yield from self._change(rulebook.known)
        if isinstance(event, Chunk):
            yield from self._chunk(event)
        elif isinstance(event, Finished):
            yield from self._end()
            yield self._ended(event)
        else:
            yield event

    def _ended(self, event: Finished) -> Finished:
        if not self._blocked:
            return event
        return replace(event, finish_reason="content_filter")

    def rest(self) -> Iterator[EngineEvent]:
        """What still waits, now that nothing follows."""
        yield from self._end()

    def found(self) -> list[GuardFinding]:
        """Since the last time."""
        found, self._found = self._found, []
        return found

    def _change(self, rules: Rules) -> list[Chunk]:
        """What is held is looked at again, by the rules that hold now."""
        self._rules = rules
        if self._guard is None:
            return []
        held = self._guard.held
        before = self._answer.part(self._part) + self._ready
        self._guard = Guard(rules.answers, before)
        return self._feed(held)

    def _chunk(self, chunk: Chunk) -> Iterator[EngineEvent]:
        for part, text, piece in pieces(chunk):
            if part is None:
                self._waiting.append((None, "", piece))
                yield from self._cleared()
                continue
            if self._guard is None or part != self._part:
                yield from self._end()
                self._part = part
                self._guard = Guard(self._rules.answers, self._answer.part(part))
            if not self._blocked:
                self._waiting.append((part, text, self._named(piece)))
                yield from self._feed(text)
            if self._blocked:
                yield from self._left()
                yield BLOCKED
                return

    def _feed(self, text: str) -> list[Chunk]:
        assert self._guard is not None
        self._ready += self._guard.feed(text)
        self._look(self._guard)
        return self._cleared()

    def _end(self) -> list[Chunk]:
        """This part is complete."""
        if self._guard is not None:
            self._ready += self._guard.finish()
            self._look(self._guard)
            self._guard = None
        return self._left() if self._blocked else self._cleared()

    def _named(self, chunk: Chunk) -> Chunk:
        """A tool's name comes whole."""
        if not (chunk.tool_calls and chunk.tool_calls[0].name):
            return chunk
        [call] = chunk.tool_calls
        guard = Guard(self._rules.answers)
        name = guard.feed(storable(call.name)) + guard.finish()
        self._look(guard)
        return replace(chunk, tool_calls=(replace(call, name=name),))

    def _look(self, guard: Guard) -> None:
        if guard.blocked is not None:
            self._blocked = True
        if guard.quiet:
            return
        for found in guard.findings():
            if self._count < findings.MOST_OF_ONE:
                self._count += 1
                part = "tool_call" if isinstance(self._part, int) else self._part
                self._found.append(findings.note(self._rules, found, part))


def goes_on(event: EngineEvent, part: Part) -> TypeGuard[Chunk]:
    """Whether it is nothing but more of the answer's text: as nearly all are."""
    return (
        type(event) is Chunk
        and part == "text"
        and event.text != ""
        and not (event.reasoning or event.tool_calls)
        and storable(event.text) == event.text
    )


def pieces(chunk: Chunk) -> Iterator[Piece]:
    """A chunk for each part it is of; the first has the tokens."""
    text, reasoning = storable(chunk.text), storable(chunk.reasoning)
    parts = bool(text) + bool(reasoning) + len(chunk.tool_calls)
    if parts == 1 and text:
        yield "text", text, chunk if text == chunk.text else replace(chunk, text=text)
        return
    if parts == 0:
        yield None, "", chunk
        return
    rest = Chunk(tokens=chunk.tokens, token_ids=chunk.token_ids)
    if reasoning:
        yield "reasoning", reasoning, replace(rest, reasoning=reasoning)
        rest = Chunk()
    if text:
        yield "text", text, replace(rest, text=text)
        rest = Chunk()
    for call in chunk.tool_calls:
        arguments = storable(call.arguments)
        call = replace(call, arguments=arguments)
        yield call.index, arguments, replace(rest, tool_calls=(call,))
        rest = Chunk()


def saying(chunk: Chunk, part: Part | None, text: str) -> Chunk:
    """With other text."""
    if part == "text":
        return replace(chunk, text=text)
    if part == "reasoning":
        return replace(chunk, reasoning=text)
    calls = tuple(replace(call, arguments=text) for call in chunk.tool_calls)
    return replace(chunk, tool_calls=tuple(call for call in calls if len(call)))


def screened(rules: RuleSet, text: str) -> str:
    """A whole text; empty if it is blocked."""
    guard = Guard(rules)
    said = guard.feed(text) + guard.finish()
    return "" if guard.blocked else said


def storable(text: str) -> str:
    """Without what no database takes: NUL, and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode(errors="replace").decode()
