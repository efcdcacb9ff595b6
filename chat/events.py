"""What a generation says, as values: no Django, no I/O, no clock.

The wire names and shapes are the contract of the native stream:

=========  ==================================================================
event      data
=========  ==================================================================
start      generation, conversation, user_message, message, model, attempt
queued     position
delta      text and/or reasoning, and/or tool_calls (pieces, as OpenAI's)
snapshot   text, reasoning, tool_calls if any: replaces everything that was shown
step       step, steps, image (a data URL): a picture so far, in place of the last
done       finish_reason, usage, timing; images, of an answer that has some
error      code, message, retryable
=========  ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar

from . import tool_calls as calling
from .tool_calls import Calls

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Started:
    """A new attempt begins; for a reader, the first event of its stream."""

    name: ClassVar[str] = "start"
    generation: str
    conversation: str
    user_message: str
    message: str
    model: str
    attempt: int

    def data(self) -> Data:
        return {
            "generation": self.generation,
            "conversation": self.conversation,
            "user_message": self.user_message,
            "message": self.message,
            "model": self.model,
            "attempt": self.attempt,
        }


@dataclass(frozen=True, slots=True)
class Queued:
    """Still waiting; `position` counts from 1."""

    name: ClassVar[str] = "queued"
    position: int

    def data(self) -> Data:
        return {"position": self.position}


@dataclass(slots=True)
class Delta:
    """What to add to what is shown. At least one of the three is not empty. Never
    changed; a frozen one would take five times as long to make, for each token.

    The tokens it came from are not on the wire: who takes over goes on behind them.
    """

    name: ClassVar[str] = "delta"
    text: str = ""
    reasoning: str = ""
    tokens: int = 0
    token_ids: tuple[int, ...] = ()
    tool_calls: Calls = ()

    @property
    def is_text(self) -> bool:
        """And nothing else."""
        return bool(self.text) and not (self.reasoning or self.tool_calls)

    def data(self) -> Data:
        parts: Data = {"text": self.text, "reasoning": self.reasoning}
        if self.tool_calls:
            parts["tool_calls"] = [calling.delta(piece) for piece in self.tool_calls]
        return {name: part for name, part in parts.items() if part}

    def __len__(self) -> int:
        size = len(self.text) + len(self.reasoning)
        return size + sum(map(len, self.tool_calls)) if self.tool_calls else size


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What replaces everything that was shown: all that came before.

    As for a delta, the tokens are not on the wire. `tool_calls` are whole ones.
    """

    name: ClassVar[str] = "snapshot"
    text: str = ""
    reasoning: str = ""
    tokens: int = 0
    token_ids: tuple[int, ...] = ()
    tool_calls: Calls = ()

    def __bool__(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.text or self.reasoning or self.tool_calls)

    def __len__(self) -> int:
        return len(self.text) + len(self.reasoning) + sum(map(len, self.tool_calls))

    def data(self) -> Data:
        shown: Data = {"text": self.text, "reasoning": self.reasoning}
        if self.tool_calls:
            shown["tool_calls"] = [calling.delta(call) for call in self.tool_calls]
        return shown


@dataclass(frozen=True, slots=True)
class Step:
    """A picture so far, in place of the one before: only the newest matters.

    `step` of `steps` is done; `image` is a data URL of a preview, at most 27 KB.
    """

    name: ClassVar[str] = "step"
    step: int
    steps: int
    image: str

    def data(self) -> Data:
        return {"step": self.step, "steps": self.steps, "image": self.image}

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer: finish_reason is stop, length, stopped, content_filter,
    or tool_calls for those who asked with tools.

    `usage` holds prompt_tokens, completion_tokens, total_tokens; `timing` holds
    queue_ms, ttft_ms, thinking_ms, total_ms (integers) and tokens_per_second (a
    float). `images`, of one that drew: id, url, thumbnail, width, height,
    content_type and alt of each.
    """

    name: ClassVar[str] = "done"
    finish_reason: str
    usage: Mapping[str, int] = field(default_factory=dict)
    timing: Mapping[str, float | None] = field(default_factory=dict)
    images: Sequence[Mapping[str, Any]] = ()

    def data(self) -> Data:
        data: Data = {
            "finish_reason": self.finish_reason,
            "usage": dict(self.usage),
            "timing": dict(self.timing),
        }
        return data | {"images": list(self.images)} if self.images else data


@dataclass(frozen=True, slots=True)
class Failed:
    """The end of an attempt that cannot go on. What was generated is kept."""

    name: ClassVar[str] = "error"
    code: str
    message: str
    retryable: bool

    def data(self) -> Data:
        return {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
        }


Event = Started | Queued | Delta | Snapshot | Step | Done | Failed
Terminal = Done | Failed
ENDS = (Done, Failed)
Sequenced = tuple[int, Event]
"""An event with its sequence number: the reader's cursor after it."""

KINDS: Mapping[str, type[Event]] = {
    kind.name: kind for kind in (Started, Queued, Delta, Snapshot, Step, Done, Failed)
}


def is_terminal(event: Event) -> bool:
    return isinstance(event, ENDS)


def from_data(name: str, data: Mapping[str, Any]) -> Event:
    """The event that `name` and `data` say; KeyError or TypeError if none."""
    if calls := data.get("tool_calls"):
        data = {**data, "tool_calls": calling.of_wire(calls)}
    return KINDS[name](**data)


def merge(events: Iterable[Sequenced]) -> Iterator[Sequenced]:
    """Join neighbouring deltas; the joined one carries the last one's number."""
    held: list[Delta] = []
    held_seq = 0
    for seq, event in events:
        if isinstance(event, Delta):
            held.append(event)
            held_seq = seq
            continue
        if held:
            yield held_seq, join(held)
            held = []
        yield seq, event
    if held:
        yield held_seq, join(held)


def join(deltas: list[Delta]) -> Delta:
    if len(deltas) == 1:
        return deltas[0]
    return Delta(
        text="".join(delta.text for delta in deltas),
        reasoning="".join(delta.reasoning for delta in deltas),
        tokens=sum(delta.tokens for delta in deltas),
        token_ids=tuple(chain.from_iterable(delta.token_ids for delta in deltas)),
        tool_calls=calling.joined(
            chain.from_iterable(delta.tool_calls for delta in deltas)
        ),
    )


def fold(base: Snapshot, events: Iterable[Event]) -> Snapshot:
    """Everything after `events`, which began behind `base`."""
    deltas: list[Delta] = []
    for event in events:
        if isinstance(event, Delta):
            deltas.append(event)
        elif isinstance(event, Snapshot):
            base, deltas = event, []
    if not deltas:
        return base
    start = Delta(
        base.text, base.reasoning, base.tokens, base.token_ids, base.tool_calls
    )
    whole = join([start, *deltas])
    return Snapshot(
        whole.text, whole.reasoning, whole.tokens, whole.token_ids, whole.tool_calls
    )
