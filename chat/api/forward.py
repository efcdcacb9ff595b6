"""For clients that can only add: an answer's text, never taken back. Pure.

After a crash the new owner may begin behind less text than was sent, and says the
rest again. What it repeats is swallowed; what differs cannot be made good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..events import Delta, Snapshot


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

    def whole(self) -> str:
        """All that was sent."""
        self._sent = ["".join(self._sent)]
        return self._sent[0]


@dataclass(slots=True)
class Progressing:
    """Text and reasoning of one answer."""

    text: Forward = field(default_factory=Forward)
    reasoning: Forward = field(default_factory=Forward)

    def take(self, event: Delta | Snapshot) -> Delta:
        """What to send for it. Raises `Rewound`."""
        if isinstance(event, Delta):
            return Delta(
                self.text.add(event.text),
                self.reasoning.add(event.reasoning),
                event.tokens,
            )
        return Delta(
            self.text.replace(event.text), self.reasoning.replace(event.reasoning)
        )
