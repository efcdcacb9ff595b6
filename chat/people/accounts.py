"""Leaving: who may go, and that everything goes with them (`chat.privacy.erasure`)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..database import write
from ..errors import ChatError, ConflictError
from ..privacy import erasure, holds


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


def delete(user: Any) -> bool:
    """Erase the caller's own account; whether all is gone, or something is kept, under
    a legal hold, which they are told. Nobody signs in to it either way."""
    check_may_leave(user)
    return _erase(user, user, None)


def erase(user: Any, by: Any, seconds: float | None = None) -> bool:
    """The same for staff; refused, before anything has gone, where something is held.

    With `seconds` for about so long: what is left then goes in the background.
    """
    check_may_leave(user)
    return _erase(user, by, seconds)


def _erase(user: Any, by: Any, seconds: float | None) -> bool:
    with write():
        holds.respect()
        if by is None or by.pk != user.pk:
            holds.check_may_go(user)
        if (row := _lock(user)) is None:
            return True
        erasure.begin(row, by)
    return erasure.finish(row.pk, seconds)


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
