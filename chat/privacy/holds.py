"""Legal holds: staff keep a user's things, or one conversation, from being deleted.

The database decides: its triggers (`chat.privacy.triggers`) refuse each DELETE of what
is held, whoever sends it, a cascade too. What deletes leaves out here what is held, so
that it gives a clear answer and removes the rest.

Placing a hold and deleting take turns: a delete passes `respect` first, after which it
sees all holds there are, and no other one is placed until it has ended. So a hold
either stands before the delete looks, or finds that there is nothing left to hold.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ..database import join_turn, take_turns, write
from ..errors import ConflictError, NotFoundError
from ..models import Conversation, Hold
from . import audit
from .audit import Action

HOLDS = 0x43480003
"""See `chat.database.take_turns`."""
REFUSED = "under a legal hold"
"""As the database says it."""


def place(
    by: Any,
    reason: str,
    *,
    user: User | None = None,
    conversation: Conversation | None = None,
) -> Hold:
    """NotFoundError: it was deleted first. ConflictError: it is held already."""
    about: Any = user or conversation
    whose = user.pk if user else getattr(conversation, "owner_id", None)
    with write():
        take_turns(HOLDS)
        if not about._meta.default_manager.filter(pk=about.pk).exists():
            raise NotFoundError("user" if user else "conversation")
        if Hold.objects.filter(user=user, conversation=conversation).exists():
            raise ConflictError(_("This is on hold already."), code="held_already")
        row = Hold.objects.create(
            user=user, conversation=conversation, reason=reason, placed_by=by
        )
        audit.record(by, Action.HELD, about, whose=whose, reason=reason)
    return row


def lift(row: Hold, by: Any) -> None:
    """From now on it may be deleted. Idempotent."""
    about: Any = row.user or row.conversation
    whose = row.user_id or about.owner_id
    with write():
        if Hold.objects.filter(pk=row.pk).delete()[0]:
            audit.record(by, Action.RELEASED, about, whose=whose, reason=row.reason)


def respect() -> None:
    """In a transaction, before anything is looked up that is to be deleted."""
    join_turn(HOLDS)


def held(conversation: str = "pk", owner: str = "owner") -> Exists:
    """Whether a row's conversation is, by the names of its fields."""
    about = Q(conversation=OuterRef(conversation)) | Q(user=OuterRef(owner))
    return Exists(Hold.objects.filter(about))


def on(user: Any) -> QuerySet[Hold]:
    """The holds that keep something of this user."""
    return Hold.objects.filter(Q(user=user.pk) | Q(conversation__owner=user.pk))


def check_may_go(user: Any) -> None:
    """ConflictError, which tells staff what to do."""
    if on(user).exists():
        text = _(
            "%(name)s is under a legal hold, or one of their conversations is. "
            "Lift it (Administration › Legal holds), then delete."
        )
        raise ConflictError(text % {"name": user.get_username()}, code="held")


def is_refusal(error: IntegrityError) -> bool:
    """By the triggers."""
    return REFUSED in str(error)


def refusal() -> ConflictError:
    return ConflictError(
        _("This has to be kept for now and cannot be deleted. Ask the staff."),
        code="held",
    )
