"""`<think>…</think>` at the head of a reply, split from the answer: pure, no I/O."""

from __future__ import annotations

from chat.engines.stopping import StopStrings

OPEN, CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Cuts pieces of a reply into (reasoning, text); tags may be split anywhere.

    Only a tag that opens the reply counts: an answer may speak of `<think>`.
    `opened`: the prompt already ends with the opening tag. Line breaks around the
    tags belong to the tags, so far as they follow one.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._head: str | None = None if opened else ""
        """Text not yet told from an opening tag; None once that is decided."""
        self._close = StopStrings((CLOSE,)) if opened else None
        self._after_tag = opened

    def push(self, piece: str) -> tuple[str, str]:
        if self._head is not None:
            piece = self._decide(self._head + piece)
        if self._close is None:
            return "", self._strip(piece)
        reasoning = self._strip(self._close.push(piece))
        if self._close.matched is None:
            return reasoning, ""
        rest, self._close = self._close.rest, None
        self._after_tag = True
        return reasoning, self._strip(rest)

    def finish(self) -> tuple[str, str]:
        """What was held back, now that nothing follows."""
        head, self._head = self._head or "", None
        if self._close is not None:
            return self._strip(self._close.finish()), ""
        return "", self._strip(head)

    def _decide(self, text: str) -> str:
        """Is there an opening tag? The text after it, or all of it; empty: unknown."""
        start = text.lstrip()
        if len(start) < len(OPEN) and OPEN.startswith(start):
            self._head = text
            return ""
        self._head = None
        if not start.startswith(OPEN):
            return text
        self._close = StopStrings((CLOSE,))
        self._after_tag = True
        return start[len(OPEN) :]

    def _strip(self, text: str) -> str:
        if not self._after_tag:
            return text
        text = text.lstrip("\n")
        self._after_tag = not text
        return text
