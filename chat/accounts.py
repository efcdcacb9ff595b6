"""Leaving: an account goes with everything that is its own."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from . import audit, conversations, generations, holds, nudges
from .audit import Action
from .database import write
from .errors import ChatError, ConflictError, NotFoundError
from .models import Conversation, Generation

BATCH = 200
"""Conversations deleted in one transaction."""


def check_may_leave(user: Any) -> None:
    """ConflictError: nobody else could administer the site."""
    others = User.objects.filter(is_superuser=True, is_active=True)
    if user.is_superuser and not others.exclude(pk=user.pk).exists():
        raise last_superuser()


def last_superuser() -> ConflictError:
    return ConflictError(
        _("You are the last superuser. Make somebody else one first."),
        code="last_superuser",
    )


def confirm(user: Any, answer: str) -> None:
    """ChatError: `answer` is not the password or, of who has none, the user name."""
    if user.has_usable_password():
        if not user.check_password(answer):
            raise ChatError(
                _("This is not your password."), code="wrong_password", field="answer"
            )
    elif answer != user.get_username():
        raise ChatError(
            _("This is not your user name."), code="wrong_name", field="answer"
        )


def delete(user: Any) -> None:
    """Stop what is being written, then delete everything and the account itself.

    Broken off in between, the account is still there and can be deleted again.
    """
    check_may_leave(user)
    holds.check_may_go(user)
    live = Generation.objects.owned_by(user).live()
    for pk in list(live.values_list("pk", flat=True)):
        with suppress(NotFoundError, Generation.DoesNotExist):
            generations.stop(user, pk)
    while _drop_conversations(user):
        pass
    with write():
        holds.respect()
        holds.check_may_go(user)
        row = _lock(user)
        while _drop_conversations(user):  # what was begun meanwhile
            pass
        if row is not None:
            audit.record(user, Action.LEFT, row, whose=row.pk)
            row.delete()
    nudges.access_changed(user.pk)


def _drop_conversations(user: Any) -> bool:
    """Some of them; False when there was none."""
    mine = Conversation.objects.filter(~holds.held(), owner=user)
    some = list(mine.values_list("pk", flat=True)[:BATCH])
    for live in conversations.purge(mine.filter(pk__in=some)):
        transaction.on_commit(partial(nudges.stop.send, str(live)))
    return bool(some)


def _lock(user: Any) -> User | None:
    """The row, so that nothing more can be begun in its name.

    Two last superusers cannot both go: each locks the other, in the same order.
    """
    concerned = User.objects.filter(
        Q(pk=user.pk) | Q(is_superuser=True, is_active=True)
    )
    rows = list(concerned.select_for_update().order_by("pk"))
    mine = next((row for row in rows if row.pk == user.pk), None)
    if mine is not None and mine.is_superuser and rows == [mine]:
        raise last_superuser()
    return mine
