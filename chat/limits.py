"""What one user may ask for at a time, checked where an answer is stored.

Every API asks through `chat.asking`, so the check lives beside it and not in one of
them. It runs in the transaction that stores the answer: who is refused, has stored and
used nothing. Exact over all processes, because a user's starts take turns.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .database import take_turns
from .errors import BusyError, LimitError
from .fair import LIVE
from .rows import fetch

STARTS = 0x43480002
"""The lock of a user's starts. See `chat.database.take_turns`."""
RETRY_SECONDS = 5
QUEUED = f"""
SELECT COUNT(*), COUNT(CASE WHEN user_id = %s THEN 1 END)
FROM chat_generation WHERE {LIVE} AND status = 'queued'
"""


def admit(user: Any) -> None:
    """Refuse before anything is stored rather than be slow for everybody.

    Raises `BusyError` and `LimitError`. What all users wait for together is counted
    without a lock: starts at the same moment may go a few beyond it.
    """
    take_turns(STARTS, user.pk)
    [(everybodys, own)] = fetch(QUEUED, [user.pk])
    if everybodys >= settings.CHAT_MAX_QUEUED:
        raise BusyError(
            _("Too many answers are waiting. Nothing was stored; try again soon."),
            code="queue_full",
            after=RETRY_SECONDS,
        )
    if own >= settings.CHAT_USER_QUEUE:
        raise queue_full(settings.CHAT_USER_QUEUE)


def queue_full(limit: int) -> LimitError:
    text = ngettext(
        "%(limit)d of your questions is waiting for its turn, and no more may. "
        "Nothing was stored; ask again when it has begun.",
        "%(limit)d of your questions are waiting for their turn, and no more may. "
        "Nothing was stored; ask again when one has begun.",
        limit,
    )
    return LimitError(
        text % {"limit": limit}, code="user_queue_full", after=RETRY_SECONDS
    )
