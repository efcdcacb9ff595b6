"""For clients that can only add: an answer's text, never taken back. Pure.

After a crash the new owner may begin behind less text than was sent, and says the
rest again. What it repeats is swallowed; what differs cannot be made good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..events import Delta, Done, Snapshot
from ..tool_calls import CallPiece, Calls


class Rewound(Exception):
    """The text that was sent is not the answer's text any more."""


@dataclass(slots=True)
class Forward:
    """What was sent so far, and how much of it is being repeated."""

    _sent: list[str] = field(default_factory=list)
    _again: str = ""

    def add(self, text: str) -> str:
        """The new part of what is added; usually all of it."""
        if not self._again:
            if text:
                self._sent.append(text)
            return text
        if text.startswith(self._again):
            new, self._again = text[len(self._again) :], ""
            self._sent.append(new)
            return new
        if not self._again.startswith(text):
            raise Rewound
        self._again = self._again[len(text) :]
        return ""

    def replace(self, text: str) -> str:
        """The new part of the whole text so far."""
        sent = self.whole()
        if text.startswith(sent):
            self._sent, self._again = [text], ""
            return text[len(sent) :]
        if not sent.startswith(text):
            raise Rewound
        self._again = sent[len(text) :]
        return ""

    @property
    def is_behind(self) -> bool:
        """More was sent than the answer has by now."""
        return bool(self._again)

    def whole(self) -> str:
        """All that was sent."""
        self._sent = ["".join(self._sent)]
        return self._sent[0]


@dataclass(slots=True)
class ForwardCalls:
    """Tool calls. Those that are begun again must be the same ones."""

    _heads: dict[int, tuple[str, str]] = field(default_factory=dict)
    _arguments: dict[int, Forward] = field(default_factory=dict)
    _missing: set[int] = field(default_factory=set)
    """Sent once, and taken back since."""

    def add(self, pieces: Calls) -> Calls:
        """The new parts of them."""
        return tuple(new for piece in pieces if (new := self._add(piece)))

    def replace(self, calls: Calls) -> Calls:
        """The new parts of all calls so far."""
        self._missing = self._heads.keys() - {call.index for call in calls}
        for index in self._missing:
            self._arguments[index].replace("")
        return tuple(new for call in calls if (new := self._add(call, whole=True)))

    def _add(self, piece: CallPiece, *, whole: bool = False) -> CallPiece:
        sent = self._arguments.setdefault(piece.index, Forward())
        add = sent.replace if whole else sent.add
        new = CallPiece(piece.index, arguments=add(piece.arguments))
        if not piece.id:
            return new
        head = (piece.id, piece.name)
        begun = piece.index in self._heads
        if self._heads.setdefault(piece.index, head) != head:
            raise Rewound
        self._missing.discard(piece.index)
        return new if begun else piece

    @property
    def is_behind(self) -> bool:
        return bool(self._missing) or any(
            sent.is_behind for sent in self._arguments.values()
        )

    def whole(self) -> Calls:
        return tuple(
            CallPiece(index, *head, self._arguments[index].whole())
            for index, head in self._heads.items()
        )


@dataclass(slots=True)
class Progressing:
    """Text, reasoning and tool calls of one answer."""

    text: Forward = field(default_factory=Forward)
    reasoning: Forward = field(default_factory=Forward)
    calls: ForwardCalls = field(default_factory=ForwardCalls)

    def take(self, event: Delta | Snapshot) -> Delta:
        """What to send for it. Raises `Rewound`."""
        if isinstance(event, Delta):
            return Delta(
                self.text.add(event.text),
                self.reasoning.add(event.reasoning),
                event.tokens,
                tool_calls=self.calls.add(event.tool_calls),
            )
        return Delta(
            self.text.replace(event.text),
            self.reasoning.replace(event.reasoning),
            tool_calls=self.calls.replace(event.tool_calls),
        )

    def end(self, done: Done) -> None:
        """Raises `Rewound` when more was sent than the answer has in the end, unless
        somebody stopped it."""
        behind = any(part.is_behind for part in (self.text, self.reasoning, self.calls))
        if behind and done.finish_reason != "stopped":
            raise Rewound

    def whole(self) -> Snapshot:
        """All that was sent."""
        return Snapshot(
            self.text.whole(), self.reasoning.whole(), tool_calls=self.calls.whole()
        )
