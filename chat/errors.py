"""What can be wrong with a request, said once and rendered by each dialect.

`code` is stable for programs. `message` is a sentence in the user's language: what
happened and what to do. `field` names the input at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class ChatError(Exception):
    status = 400
    code = "invalid_request"

    def __init__(
        self,
        message: Text,
        *,
        code: str | None = None,
        field: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.field = field
        self.status = status or self.status
        self.headers = dict(headers or {})


class NotFoundError(ChatError):
    """Also for what belongs to somebody else: its existence is nobody's business."""

    status = 404
    code = "not_found"

    def __init__(self, field: str | None = None) -> None:
        super().__init__(_("There is no such thing here."), field=field)


class ConflictError(ChatError):
    status = 409
    code = "conflict"


class BusyError(ChatError):
    """Come back later; nothing was stored."""

    status = 503
    code = "overloaded"

    def __init__(self, message: Text, *, code: str, after: float) -> None:
        """`after`: seconds until trying again makes sense."""
        wait = {"Retry-After": str(max(1, ceil(after)))}
        super().__init__(message, code=code, headers=wait)
        self.after = after


class LimitError(BusyError):
    """One user's own limit; others are served. Nothing was stored."""

    status = 429
