"""`<tool_call>{"name": …, "arguments": {…}}</tool_call>` in a reply: pure, no I/O."""

from __future__ import annotations

import json

from ..tool_calls import CallPiece, Calls
from .stopping import StopStrings

OPEN, CLOSE = "<tool_call>", "</tool_call>"


class ToolSplitter:
    """Cuts pieces of a reply into (text, calls); tags may be split anywhere.

    A call comes out whole. What is between tags and is no call stays text, and so does
    a call that is cut off. Line breaks behind a call belong to it. `ids`: what the ids
    of the calls begin with.
    """

    def __init__(self, ids: str) -> None:
        self._ids = ids
        self._open = StopStrings((OPEN,))
        self._close: StopStrings | None = None
        self._body = ""
        self._after_call = False
        self.count = 0

    def push(self, piece: str) -> tuple[str, Calls]:
        text, calls = "", []
        while piece:
            if self._close is None:
                text += self._strip(self._open.push(piece))
                if self._open.matched is None:
                    break
                piece, self._close = self._open.rest, StopStrings((CLOSE,))
            else:
                self._body += self._close.push(piece)
                if self._close.matched is None:
                    break
                piece = self._close.rest
                if (call := self._call()) is not None:
                    calls.append(call)
                else:
                    text += f"{OPEN}{self._body}{CLOSE}"
                self._open, self._close, self._body = StopStrings((OPEN,)), None, ""
        return text, tuple(calls)

    def finish(self) -> str:
        """What was held back, now that nothing follows."""
        if self._close is None:
            return self._strip(self._open.finish())
        cut = f"{OPEN}{self._body}{self._close.finish()}"
        self._close, self._body = None, ""
        return cut

    def _call(self) -> CallPiece | None:
        try:
            said = json.loads(self._body)
            name, arguments = said["name"], said.get("arguments", {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if not isinstance(name, str) or not isinstance(arguments, dict | str):
            return None
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        call = CallPiece(self.count, f"{self._ids}_{self.count}", name, arguments)
        self.count += 1
        self._after_call = True
        return call

    def _strip(self, text: str) -> str:
        if not self._after_call:
            return text
        text = text.lstrip("\n")
        self._after_call = not text
        return text
