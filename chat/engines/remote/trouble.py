"""What goes wrong at an engine, and whether asking again can help.

Inside this package every failure is a `Trouble`; the runner sees `EngineError`.
"""

from __future__ import annotations

import json
from typing import Any

from ..base import EngineError

MESSAGE_CHARS = 300
LONGEST_PAUSE = 5.0
PASSING = {408, 425, 429, 500, 502, 503, 504, 529}
WITHHELD = ("moderation_blocked", "content_policy_violation", "content_filter")
"""What an engine says that does not draw such things."""
TOO_LONG = ("context_length", "context length", "maximum context", "too long")


class Trouble(Exception):
    """`again`: another try, here or elsewhere, may work. `fault`: of the address,
    which others should avoid for a while. `after`: how long the engine asks to wait.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        again: bool = True,
        fault: bool = True,
        status: int = 0,
        after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:MESSAGE_CHARS]
        self.again = again
        self.fault = fault
        self.status = status
        self.after = after

    def as_error(self) -> EngineError:
        return EngineError(self.code, self.message, retryable=self.again)


def silent(seconds: float) -> Trouble:
    return Trouble("engine_timeout", f"The engine said nothing for {seconds:g} s.")


def broken(why: str) -> Trouble:
    """The answer ended without an end."""
    return Trouble("engine_lost", f"The engine broke off: {why}.")


def nonsense(what: str) -> Trouble:
    return Trouble(
        "engine_protocol", f"The engine's answer makes no sense: {what}.", again=False
    )


def refused(status: int, body: bytes, after: str | None = None) -> Trouble:
    """A status other than 200, with whatever the engine says about it."""
    said, kind = explanation(body)
    if status in (401, 403):
        # Its words may quote the key.
        text = "The engine does not accept this site's API key."
        return Trouble("engine_denied", text, again=False, fault=False, status=status)
    if status in PASSING:
        busy = status == 429
        code = "engine_busy" if busy else "engine_unavailable"
        text = f"The engine is {'busy' if busy else 'unavailable'}: {said or status}"
        return Trouble(code, text, fault=not busy, status=status, after=pause(after))
    code = "model_not_found" if status == 404 else "engine_refused"
    if any(word in f"{kind} {said}".lower() for word in TOO_LONG):
        code = "context_too_long"
    if kind in WITHHELD:
        code = "content_filter"
    text = f"The engine refused the request: {said or status}"
    return Trouble(code, text, again=False, fault=False, status=status)


def in_stream(error: Any) -> EngineError:
    """An error frame: an object, or just a string."""
    said, kind = describe(error)
    code = "context_too_long" if _is_about_length(kind, said) else "engine_failed"
    if kind in WITHHELD:
        code = "content_filter"
    status = error.get("code") if isinstance(error, dict) else None
    for_good = status in (400, 401, 403, 404, 422) or code != "engine_failed"
    text = f"The engine failed: {said or 'it does not say why'}"
    return EngineError(code, text[:MESSAGE_CHARS], retryable=not for_good)


def _is_about_length(kind: str, said: str) -> bool:
    return any(word in f"{kind} {said}".lower() for word in TOO_LONG)


def explanation(body: bytes) -> tuple[str, str]:
    """(message, code or type) of an error body, in any of the shapes there are."""
    try:
        data = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip()[:MESSAGE_CHARS], ""
    return describe(data)


def describe(data: Any) -> tuple[str, str]:
    """`{"error": {...}}`, `{"error": "…"}`, `{"detail": …}`, flat, or a string."""
    if not isinstance(data, dict):
        return str(data), ""
    for inner in ("error", "detail"):
        if inner in data:
            return describe(data[inner])
    return str(data.get("message", "")), str(data.get("code") or data.get("type") or "")


def pause(header: str | None) -> float | None:
    """`Retry-After` in seconds, bounded; a date counts as the longest pause."""
    if header is None:
        return None
    try:
        return min(max(float(header), 0.0), LONGEST_PAUSE)
    except ValueError:
        return LONGEST_PAUSE
