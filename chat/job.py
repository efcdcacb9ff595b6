"""One generation while this process drives it: what it said and what is saved."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Literal, cast

from .conversations import prompt_messages
from .engines.base import (
    ChatMessage,
    Chunk,
    EngineEvent,
    EngineRequest,
    Finished,
    Params,
    Progress,
    Prompted,
)
from .events import Delta, Snapshot
from .lease import Lease
from .models import Generation
from .outcomes import Checkpoint, Outcome
from .records import load
from .tape import Writer

Interruption = Literal["stopped", "drained", "lost"]


@dataclass(slots=True)
class Said:
    """Parts of a growing text. Joined when it is needed, never per token."""

    parts: list[str] = field(default_factory=list)
    saved: int = 0

    def add(self, part: str) -> None:
        if part:
            self.parts.append(part)

    @property
    def is_news(self) -> bool:
        return self.saved < len(self.parts)

    def news(self) -> str:
        return "".join(self.parts[self.saved :])

    def whole(self) -> str:
        return "".join(self.parts)


@dataclass(slots=True)
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
    task: asyncio.Task[str] | None = None
    interrupted: Interruption | None = None
    behind: int = 0
    """The number of the last event in the text it goes on from."""
    _saved_tokens: int = 0
    _in_doubt: bool = False
    _silent: list[Chunk] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self._text.whole()

    @property
    def reasoning(self) -> str:
        return self._reasoning.whole()

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
        self.completion_tokens = said.tokens
        self.behind = seq
        self._in_doubt = True

    def so_far(self) -> Snapshot:
        return Snapshot(
            self.text, self.reasoning, self.completion_tokens, self._token_ids()
        )

    def _token_ids(self) -> tuple[int, ...]:
        return tuple(map(int, self._ids.whole().split()))

    def request(self) -> EngineRequest:
        return EngineRequest(
            id=f"{self.lease.generation}.{self.lease.attempt}",
            model=self.row.model,
            messages=self.messages,
            params=Params.from_json(self.row.params),
            progress=Progress(
                text=self.text,
                reasoning=self.reasoning,
                token_ids=self._token_ids(),
                completion_tokens=self.completion_tokens,
            ),
        )

    def take(self, event: EngineEvent, now: float) -> str | None:
        """Take one engine event in; the finish reason once it has ended."""
        if isinstance(event, Chunk):
            self._take_chunk(event, now)
        elif isinstance(event, Prompted):
            self.prompt_tokens = event.prompt_tokens
        elif isinstance(event, Finished):
            if event.prompt_tokens is not None:
                self.prompt_tokens = event.prompt_tokens
            if event.completion_tokens is not None:
                self.completion_tokens = event.completion_tokens
            return event.finish_reason
        return None

    def _take_chunk(self, chunk: Chunk, now: float) -> None:
        self.completion_tokens += chunk.tokens
        self._ids.add("".join(f"{token} " for token in chunk.token_ids))
        self._silent.append(chunk)
        text, reasoning = storable(chunk.text), storable(chunk.reasoning)
        if not (text or reasoning):
            return
        moment = datetime.fromtimestamp(now, UTC)
        self.first_token = self.first_token or moment
        if text:
            self.first_text = self.first_text or moment
        assert self.writer is not None
        self.writer.append(self._delta(text, reasoning))
        self._text.add(text)
        self._reasoning.add(reasoning)

    def _delta(self, text: str, reasoning: str) -> Delta:
        """With the tokens since the last delta, also those that made no text."""
        silent, self._silent = self._silent, []
        ids = chain.from_iterable(part.token_ids for part in silent)
        tokens = sum(part.tokens for part in silent)
        return Delta(text, reasoning, tokens, tuple(ids))

    def news(self) -> Checkpoint | None:
        """What the database does not have yet; None when it has everything."""
        said = (self._text, self._reasoning, self._ids)
        same = self.completion_tokens == self._saved_tokens
        if same and not self._in_doubt and not any(part.is_news for part in said):
            return None
        assert self.writer is not None
        return Checkpoint(
            lease=self.lease,
            last_seq=max(self.behind, self.writer.last_seq),
            text=self._text.news(),
            reasoning=self._reasoning.news(),
            token_ids=self._ids.news(),
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            first_token=self.first_token,
            first_text=self.first_text,
            whole=self._in_doubt,
            marks=(
                len(self._text.parts),
                len(self._reasoning.parts),
                len(self._ids.parts),
            ),
        )

    def saved(self, checkpoint: Checkpoint) -> None:
        """That checkpoint is in the database; later parts are still news."""
        marks = checkpoint.marks
        for said, mark in zip(
            (self._text, self._reasoning, self._ids), marks, strict=True
        ):
            said.saved = mark
        self._saved_tokens = checkpoint.completion_tokens
        self._in_doubt = False

    def doubt(self) -> None:
        """A checkpoint failed, perhaps after its commit: the next one is whole."""
        self._in_doubt = True
        for said in (self._text, self._reasoning, self._ids):
            said.saved = 0

    def outcome(self, status: str, **how: Any) -> Outcome:
        assert self.writer is not None
        return Outcome(
            status=status,
            text=self.text,
            reasoning=self.reasoning,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            last_seq=self.writer.next_seq,
            first_token=self.first_token,
            first_text=self.first_text,
            **how,
        )


def storable(text: str) -> str:
    """Without what no database takes: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


def prepare(lease: Lease) -> Job:
    """Load what a claimed generation needs; from its checkpoint if it has one."""
    row = load(lease.generation)
    said = [
        Said([part] if part else [], 1 if part else 0)
        for part in (row.text, row.reasoning, row.token_ids)
    ]
    return Job(
        lease=lease,
        row=row,
        messages=cast(
            "list[ChatMessage]", prompt_messages(row.conversation, row.message)
        ),
        _text=said[0],
        _reasoning=said[1],
        _ids=said[2],
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        first_token=row.first_token,
        first_text=row.first_text,
        behind=row.last_seq,
        _saved_tokens=row.completion_tokens,
    )
