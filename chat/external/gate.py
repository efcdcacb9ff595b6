"""An answer's sentences, held until somebody else has cleared them.

Behind `chat.screening.answers`, before the tape. A sentence is at most
`sentences.LONGEST` characters; several are checked at a time, and leave in their order.
What is only flagged leaves at once, and is checked beside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any

from ..engines.base import Chunk, EngineError, EngineEvent, Finished
from ..guard import MASK, WINDOW
from ..models import GuardFinding
from ..screening import findings
from ..screening.answers import Answer, Line, Part, pieces, saying
from ..screening.rulebook import rulebook
from ..sentences import Sentences
from .rules import Check, Service, Unchecked, Verdict
from .services import Services

AHEAD = 8
"""Checks of one answer that are under way, and sentences that wait for them. Then its
engine waits."""
BESIDE = 64
"""Sentences that have left, and wait to be flagged. Then its engine waits."""
PIECE = 1024
"""Longer texts are cut in steps: looking for an end costs what is held."""
Take = Callable[[EngineEvent], str | None]


class Refused(Exception):
    """A rule blocks: the answer ends before this."""


@dataclass(slots=True)
class Sentence:
    """Of one part, from `start` on. Without `asked` it leaves at once."""

    text: str
    part: str = "text"
    start: int = 0
    checks: tuple[Check, ...] = ()
    asked: dict[Service, asyncio.Task[Verdict]] | None = None


class Gate(Line):
    """One attempt's. `put` takes what the engine says; what is cleared is taken in by
    `take`, from a task of its own: the engine may be silent by then."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer
        self._checks: tuple[Check, ...] = ()
        self._holds = False
        self._begun = False
        self._part: Part = "text"
        self._places: dict[Part, int] = {}
        """How long each part is, with all that came."""
        self._sentences = Sentences()
        self._queue: list[Sentence] = []
        self._releasing = False
        self._group: asyncio.TaskGroup | None = None
        """Of the release."""
        self._found: list[GuardFinding] = []
        self._count = 0

    # Few answers need these: only those with something to check.

    @cached_property
    def _slots(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(AHEAD)

    @cached_property
    def _slots_beside(self) -> asyncio.Semaphore:
        """What nobody waits for holds up nobody."""
        return asyncio.Semaphore(AHEAD)

    @cached_property
    def _asking(self) -> set[asyncio.Task[Verdict]]:
        return set()

    @cached_property
    def _late(self) -> set[asyncio.Task[None]]:
        return set()

    @cached_property
    def _unchecked(self) -> set[int]:
        return set()

    @cached_property
    def _moved(self) -> asyncio.Event:
        return asyncio.Event()

    @property
    def open(self) -> bool:
        """There is nothing to check: what comes may be taken in directly."""
        return not (self._begun or rulebook.known.outside_answers)

    def at_work(self, services: Services, take: Take) -> Gate:
        """Around what the engine says. What goes wrong in the release ends it."""
        self._services, self._take = services, take
        return self

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._group is not None:
                await self._group.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            # They lead back here: only a collector would free them.
            del self._take, self._group

    async def put(self, event: EngineEvent) -> str | None:
        """The finish reason, once everything is cleared."""
        if self._group is None:
            self._group = await asyncio.TaskGroup().__aenter__()
        self._begin()
        if isinstance(event, Chunk):
            self._hold(event)
            self._release_some()
            while len(self._queue) >= AHEAD:
                await self._move()
            while len(self._late) >= BESIDE:
                await asyncio.wait(self._late, return_when=asyncio.FIRST_COMPLETED)
            return None
        if isinstance(event, Finished):
            await self.settle()
        return self._take(event)

    async def settle(self) -> None:
        """Nothing follows: wait for the last verdicts."""
        if self._begun:
            self._cut()
            self._release_some()
            while self._queue:
                await self._move()
        await self.late()

    async def late(self) -> None:
        """Wait for the verdicts on what was let out already."""
        if self._late:
            await asyncio.wait(self._late)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Findings that nothing waits for but the end."""
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def rest(self, events: Iterable[EngineEvent]) -> Iterator[EngineEvent]:
        """It is broken off. What has no verdict is not said; its tokens count."""
        if not self._begun:
            yield from events
            return
        for event in events:
            if isinstance(event, Chunk):
                self._hold(event)
        if not self._holds:
            self._cut()
        yield from self._heads()
        yield from self._dropped()

    def close(self) -> None:
        """Somebody else goes on with it."""
        self._forget()
        for task in (*self._late, *self._asking):
            task.cancel()

    def slots(self, *, holds: bool) -> asyncio.Semaphore:
        """One for each check that is under way."""
        return self._slots if holds else self._slots_beside

    def held(self, part: Part) -> str:
        """What came of a part, and was not let out yet."""
        return "".join(text for of, text, _chunk in self._waiting if of == part)

    def found(self) -> list[GuardFinding]:
        """Since the last time."""
        found, self._found = self._found, []
        return found

    # In

    def _begin(self) -> None:
        """By the rules that hold now; what came before is under those of then."""
        self._begun = True
        if (checks := rulebook.known.outside_answers) is not self._checks:
            self._cut()
            self._checks = checks
            self._holds = any(check.holds for check in checks)

    def _hold(self, chunk: Chunk) -> None:
        for part, text, piece in pieces(chunk):
            if part is not None:
                self._go_on_with(part)
            self._waiting.append((part, text, piece))
            if part is not None:
                self._read(text)

    def _go_on_with(self, part: Part) -> None:
        if part != self._part:
            self._cut()
            self._part = part
        if part not in self._places:
            self._places[part] = len(self._answer.part(part))

    def _read(self, text: str) -> None:
        if not self._holds:
            self._queue.append(Sentence(text))
        for at in range(0, len(text), PIECE):
            start = self._places[self._part] - len(self._sentences.held)
            piece = text[at : at + PIECE]
            self._places[self._part] += len(piece)
            for sentence in self._sentences.push(piece):
                self._ask(sentence, start)
                start += len(sentence)

    def _cut(self) -> None:
        if rest := self._sentences.finish():
            self._ask(rest, self._places[self._part] - len(rest))

    def _ask(self, text: str, start: int) -> None:
        part = "tool_call" if isinstance(self._part, int) else self._part
        waited = {check.service for check in self._checks if check.holds}
        asked = {
            service: self._task(service, text, holds=service in waited)
            for service in {check.service for check in self._checks}
        }
        sentence = Sentence(text, part, start, self._checks, asked)
        if self._holds:
            self._queue.append(sentence)
        if flags := [check for check in self._checks if not check.holds]:
            self.later(self._flag(sentence, flags))

    def _task(
        self, service: Service, text: str, *, holds: bool
    ) -> asyncio.Task[Verdict]:
        task = asyncio.create_task(
            self._verdict(service, text, self.slots(holds=holds))
        )
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        task.add_done_callback(seen)
        return task

    async def _verdict(
        self, service: Service, text: str, slots: asyncio.Semaphore
    ) -> Verdict:
        async with slots:
            return await self._services.ask(service, text)

    # Out

    def _release_some(self) -> None:
        """What needs no verdict at once; the rest when it has one."""
        if self._releasing:
            return
        for chunk in self._heads():
            self._take(chunk)
        if self._queue:
            self._releasing = True
            assert self._group is not None
            self._group.create_task(self._release())

    def _heads(self) -> list[Chunk]:
        while self._queue and self._queue[0].asked is None:
            self._ready += self._queue.pop(0).text
        return self._cleared()

    async def _release(self) -> None:
        while self._queue:
            self._ready += await self._judged(self._queue[0])
            self._queue.pop(0)
            for chunk in self._cleared():
                self._take(chunk)
            self._moved.set()
        self._releasing = False

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    async def _judged(self, sentence: Sentence) -> str:
        """As it may be seen. Raises `Refused`; `EngineError` where a rule wants a
        verdict and there is none."""
        said = sentence.text
        for check in sentence.checks:
            if sentence.asked is None or not check.holds:
                continue
            try:
                found = check.found(await sentence.asked[check.service])
            except Unchecked as failure:
                self.note_failure(check, sentence, failure)
                if check.closed:
                    self._drop()
                    raise unavailable() from failure
                continue
            if found is None:
                continue
            self.note(check, sentence, found)
            if check.action == "block":
                self._drop()
                raise Refused
            said = MASK * len(said)
        return said

    async def _flag(self, sentence: Sentence, checks: Iterable[Check]) -> None:
        for check in checks:
            assert sentence.asked is not None
            try:
                found = check.found(await sentence.asked[check.service])
            except Unchecked as failure:
                self.note_failure(check, sentence, failure)
            else:
                if found is not None:
                    self.note(check, sentence, found)

    def _drop(self) -> None:
        for chunk in self._dropped():
            self._take(chunk)

    def _dropped(self) -> list[Chunk]:
        """What stands before, and the tokens of the rest."""
        self._forget()
        left = self._cleared()
        for part, _text, chunk in self._waiting:
            said, self._ready = self._ready, ""
            tokens = Chunk(tokens=chunk.tokens, token_ids=chunk.token_ids)
            left.append(saying(tokens, part, said))
        self._waiting.clear()
        return left

    def _forget(self) -> None:
        for sentence in self._queue:
            for task in (sentence.asked or {}).values():
                task.cancel()
        self._queue.clear()
        self._sentences.finish()

    # What is written down

    def note(self, check: Check, sentence: Sentence, categories: str) -> None:
        if self._count < findings.MOST_OF_ONE:
            self._count += 1
            text = sentence.text[:WINDOW]
            self._found.append(noted(check, sentence, text, categories))

    def note_failure(
        self, check: Check, sentence: Sentence, failure: Unchecked
    ) -> None:
        """Once for each rule and attempt: what follows is likely to fail alike."""
        if check.key not in self._unchecked:
            self._unchecked.add(check.key)
            self._found.append(noted(check, sentence, "", "", failure.code))


def noted(
    check: Check, sentence: Sentence, text: str, categories: str, failure: str = ""
) -> GuardFinding:
    """Not stored, and of nobody yet."""
    row = GuardFinding(
        rule=check.name[:100],
        action=check.action,
        part=sentence.part,
        start=sentence.start,
        end=sentence.start + len(sentence.text),
        text=text,
        categories=categories,
        failure=failure,
    )
    row.kind = check.kind
    return row


def seen(task: asyncio.Task[Verdict]) -> None:
    """Nobody may wait for it any more."""
    if not task.cancelled():
        task.exception()


def unavailable() -> EngineError:
    return EngineError(
        "check_unavailable",
        "The content check cannot be reached, so nothing more is shown. What was "
        "cleared before is kept. Try again in a minute.",
        retryable=True,
    )
