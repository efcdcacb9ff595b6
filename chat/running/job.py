"""One generation while this process drives it: what it said and what is saved.

Tool calls cannot be continued in their midst: no engine takes half of one. So a new
owner goes on behind the text that is there, and the calls are begun again (`restart`);
those that name the same tool as before keep their ids.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal
from weakref import proxy

from django.conf import settings
from django.utils import timezone

from ..engines.base import (
    ChatMessage,
    Chunk,
    Drawn,
    EngineEvent,
    EngineRequest,
    Finished,
    Params,
    Progress,
    Prompted,
    Stepped,
)
from ..events import Delta, Snapshot, Step
from ..external.gate import Gate
from ..models import Generation, GuardFinding
from ..records import let_go
from ..screening import findings
from ..screening.answers import Part as AnswerPart
from ..screening.answers import Screen, storable
from ..tape import Writer
from ..tool_calls import CallPiece, Calls
from .growing import Called, Growing, Said
from .lease import Lease
from .outcomes import Checkpoint, Outcome

if TYPE_CHECKING:
    from ..observe.otel import Attempt

Interruption = Literal["stopped", "drained", "lost"]


@dataclass(slots=True, weakref_slot=True)
class Job:
    lease: Lease
    row: Generation
    messages: list[ChatMessage]
    _text: Said
    _reasoning: Said
    _ids: Said
    prompt_tokens: int
    completion_tokens: int
    first_token: datetime | None
    first_text: datetime | None = None
    writer: Writer | None = None
    task: asyncio.Task[Any] | None = None
    """The one that streams, while it does."""
    interrupted: Interruption | None = None
    behind: int = 0
    """The number of the last event in the text it goes on from."""
    refused: bool = False
    """Its model was withdrawn from its user before it began."""
    _calls: Called = field(default_factory=Called)
    _saved_tokens: int = 0
    _in_doubt: bool = False
    _silent: list[Chunk] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    """Pictures of this attempt. Nothing of them is stored before the end: another
    attempt begins with the first step, from the same seed."""
    _stepped: bool = False
    """Readers have seen more than the row tells of."""
    _begun_before: dict[int, CallPiece] = field(default_factory=dict)
    """The calls of an earlier attempt, by their index."""
    screen: Screen = field(init=False)
    """What the engine says goes through it, and then through the gate."""
    gate: Gate = field(init=False)
    trace: Attempt | None = None
    """While traces are on."""

    def __post_init__(self) -> None:
        # Weak: a job that has ended is freed at once, not when garbage is collected.
        this = proxy(self)
        self.screen = Screen(this)
        self.gate = Gate(this)

    @property
    def text(self) -> str:
        return self._text.whole()

    @property
    def reasoning(self) -> str:
        return self._reasoning.whole()

    def part(self, part: AnswerPart) -> str:
        """So far, with what waits for a check; of a tool call, its arguments."""
        return self._said(part) + self.gate.held(part)

    def _said(self, part: AnswerPart) -> str:
        if part == "text":
            return self.text
        if part == "reasoning":
            return self.reasoning
        calls = self._calls.whole()
        return "".join(call.arguments for call in calls if call.index == part)

    def rest(self) -> Iterator[EngineEvent]:
        """What still waits, now that it is broken off, as far as it may be seen."""
        return self.gate.rest(self.screen.rest())

    @property
    def _parts(self) -> tuple[Growing[Any], ...]:
        return self._text, self._reasoning, self._ids, self._calls

    def interrupt(self, why: Interruption) -> None:
        """End the stream; the first reason counts."""
        if self.interrupted is None:
            self.interrupted = why
            if self.task is not None:
                self.task.cancel()

    def adopt(self, seq: int, said: Snapshot) -> None:
        """Go on from what the tape says, which is newer than the checkpoint."""
        ids = "".join(f"{token} " for token in said.token_ids)
        self._text = Said([said.text])
        self._reasoning = Said([said.reasoning])
        self._ids = Said([ids])
        self._calls = Called(list(said.tool_calls))
        self.completion_tokens = said.tokens
        self.behind = seq
        self._in_doubt = True

    def restart(self) -> Snapshot | None:
        """Take back the tool calls, if there are any: what is left."""
        calls = self._calls.whole()
        if not calls:
            return None
        self._begun_before = {call.index: call for call in calls}
        self.completion_tokens -= sum(call.tokens for call in calls)
        ids = self._token_ids()[: self.completion_tokens]
        self._ids = Said(["".join(f"{token} " for token in ids)])
        self._calls = Called()
        self._in_doubt = True
        return self.so_far()

    def so_far(self) -> Snapshot:
        return Snapshot(
            self.text,
            self.reasoning,
            self.completion_tokens,
            self._token_ids(),
            self._calls.whole(),
        )

    def _token_ids(self) -> tuple[int, ...]:
        return tuple(map(int, self._ids.whole().split()))

    def request(self) -> EngineRequest:
        """What its engine is asked, once: the job lets go of the prompt, which may be
        larger than all the rest."""
        messages, self.messages = self.messages, []
        let_go(self.row)
        return EngineRequest(
            id=f"{self.lease.generation}.{self.lease.attempt}",
            model=self.row.model,
            messages=messages,
            params=Params.from_json(self.row.params),
            progress=Progress(
                text=self.text,
                reasoning=self.reasoning,
                token_ids=self._token_ids(),
                completion_tokens=self.completion_tokens,
            ),
            trace=self.trace.header if self.trace is not None else "",
        )

    def take(self, event: EngineEvent) -> str | None:
        """Take one engine event in; the finish reason once it has ended."""
        if isinstance(event, Chunk):
            self._take_chunk(event)
        elif isinstance(event, Prompted):
            self.prompt_tokens = event.prompt_tokens
        elif isinstance(event, Finished):
            if event.prompt_tokens is not None:
                self.prompt_tokens = event.prompt_tokens
            if event.completion_tokens is not None and not self.row.draws:
                self.completion_tokens = event.completion_tokens
            return event.finish_reason
        elif isinstance(event, Stepped):
            self._take_step(event)
        else:
            self._take_picture(event)
        return None

    def _take_chunk(self, chunk: Chunk) -> None:
        self.completion_tokens += chunk.tokens
        if chunk.token_ids:
            self._ids.add("".join([f"{token} " for token in chunk.token_ids]))
        text = storable(chunk.text)
        reasoning = storable(chunk.reasoning) if chunk.reasoning else ""
        calls = self._calls_in(chunk) if chunk.tool_calls else ()
        if not (text or reasoning or calls):
            self._silent.append(chunk)
            return
        if self.first_token is None or self.first_text is None:
            self._note_first(bool(text or calls))
        assert self.writer is not None
        tokens, ids = chunk.tokens, chunk.token_ids
        if self._silent:
            tokens, ids = self._silent_too(chunk)
        self.writer.append(Delta(text, reasoning, tokens, ids, calls))
        self._text.add(text)
        if reasoning or calls:
            self._reasoning.add(reasoning)
            self._calls.parts += calls

    def _take_step(self, step: Stepped) -> None:
        if self.first_token is None:
            self._note_first(True)
        assert self.writer is not None
        self.writer.show(Step(step.step, step.steps, data_url(step.preview)))
        self._stepped = True

    def _take_picture(self, picture: Drawn) -> None:
        self.drawn.append(picture)
        self.completion_tokens = len(self.drawn) * settings.CHAT_IMAGE_TOKENS

    def drop_pictures(self) -> None:
        """They cannot be stored."""
        self.drawn.clear()
        self.completion_tokens = 0

    def _note_first(self, is_text: bool) -> None:
        moment = timezone.now()
        self.first_token = self.first_token or moment
        if is_text:
            self.first_text = self.first_text or moment

    def _calls_in(self, chunk: Chunk) -> Calls:
        """As they are stored. The chunk's tokens are those of its first piece."""
        calls = tuple(map(self._known_again, chunk.tool_calls))
        if calls and not (chunk.text or chunk.reasoning):
            calls = (replace(calls[0], tokens=chunk.tokens), *calls[1:])
        return calls

    def _known_again(self, piece: CallPiece) -> CallPiece:
        """A call that was begun before, under its earlier id."""
        before = self._begun_before.get(piece.index) if piece.id else None
        same = before is not None and before.name == piece.name
        return replace(
            piece,
            id=before.id if before and same else storable(piece.id),
            name=storable(piece.name),
            arguments=storable(piece.arguments),
        )

    def _silent_too(self, chunk: Chunk) -> tuple[int, tuple[int, ...]]:
        """The tokens since the last delta, also those that made no text."""
        parts, self._silent = [*self._silent, chunk], []
        ids = chain.from_iterable(part.token_ids for part in parts)
        return sum(part.tokens for part in parts), tuple(ids)

    def news(self) -> Checkpoint | None:
        """What the database does not have yet; None when it has everything."""
        same = self.completion_tokens == self._saved_tokens
        if self.row.draws:
            same = not self._stepped
        if (
            same
            and not self._in_doubt
            and not any(part.is_news for part in self._parts)
        ):
            return None
        assert self.writer is not None
        return Checkpoint(
            lease=self.lease,
            last_seq=max(self.behind, self.writer.last_seq),
            text=self._text.news(),
            reasoning=self._reasoning.news(),
            token_ids=self._ids.news(),
            tool_calls=self._calls.news(),
            prompt_tokens=self.prompt_tokens,
            # Pictures count when they are stored, which is in the end.
            completion_tokens=0 if self.row.draws else self.completion_tokens,
            first_token=self.first_token,
            first_text=self.first_text,
            whole=self._in_doubt,
            marks=tuple(len(part.parts) for part in self._parts),
        )

    def found(self) -> list[GuardFinding]:
        """What the guard found since the last time."""
        found = self.screen.found() + self.gate.found()
        findings.belong(found, self.row.user_id, self.row, store=self.row.store)
        return found

    def saved(self, checkpoint: Checkpoint) -> None:
        """That checkpoint is in the database; later parts are still news."""
        for part, mark in zip(self._parts, checkpoint.marks, strict=True):
            part.keep(mark)
        self._saved_tokens = checkpoint.completion_tokens
        self._in_doubt = self._stepped = False

    def doubt(self) -> None:
        """A checkpoint failed, perhaps after its commit: the next one is whole."""
        self._in_doubt = True
        for part in self._parts:
            part.saved = 0

    def outcome(self, status: str, **how: Any) -> Outcome:
        assert self.writer is not None
        return Outcome(
            status=status,
            said=self.so_far(),
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            last_seq=self.writer.next_seq,
            first_token=self.first_token,
            first_text=self.first_text,
            **how,
        )


def data_url(preview: bytes) -> str:
    return f"data:image/webp;base64,{b64encode(preview).decode()}"
