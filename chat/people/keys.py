"""Issue API keys: the page, the API, the administration and the command come here."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import nudges
from ..database import write
from ..errors import ChatError, ConflictError
from ..models import ApiKey
from ..models.access import Scopes

MAX_KEYS = 50
"""A user's keys that are not revoked; and as many revoked ones are remembered."""
MAX_NAME = 100
LONGEST = timedelta(days=3660)
LAST_SECOND = time(23, 59, 59)
DAYS = re.compile("([0-9]{1,5})d")


def issue(
    user: Any,
    name: str = "",
    scopes: Collection[str] = ("chat", "read"),
    expires: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The row, and the key itself: the only time it is seen.

    ChatError: too many, no such scope, or `expires` (aware) not in the future.
    """
    name, known = name.strip(), scopes_of(scopes)
    if len(name) > MAX_NAME:
        raise ChatError(_("The name is too long."), code="invalid_value", field="name")
    check_expiry(expires)
    with write():
        check_room(user)
        rows = ApiKey.objects.owned_by(user)
        old = rows.filter(revoked__isnull=False).order_by("-revoked")
        forgotten = list(old.values_list("pk", flat=True)[MAX_KEYS:])
        rows.filter(pk__in=forgotten).delete()
        return rows.create_key(user, name, known, expires)


def revoke(row: ApiKey) -> None:
    """It opens nothing any more, and what it holds open is closed. Idempotent."""
    row.revoke()
    nudges.access_changed(row.user_id)


def check_room(user: Any) -> None:
    """In a transaction: requests at the same time are counted one after the other."""
    User.objects.select_for_update().get(pk=user.pk)
    count = ApiKey.objects.owned_by(user).filter(revoked=None).count()
    if count >= MAX_KEYS:
        text = _("There are %(limit)d keys: revoke one that is no longer needed.")
        raise ConflictError(text % {"limit": MAX_KEYS}, code="too_many_keys")


def scopes_of(names: Collection[str]) -> Scopes:
    """The names in any order, as they are stored."""
    try:
        return Scopes(" ".join(sorted(set(names))))
    except ValueError as error:
        raise ChatError(
            _("A key has the scope “chat”, “read” or both."),
            code="invalid_value",
            field="scopes",
        ) from error


def check_expiry(expires: datetime | None) -> None:
    if expires is None:
        return
    try:
        left = expires.astimezone(UTC) - timezone.now()
    except OverflowError:
        left = LONGEST * 2
    if not timedelta() < left <= LONGEST:
        raise ChatError(
            _("The key has to expire in the future, within ten years."),
            code="invalid_value",
            field="expires",
        )


def end_of(day: date) -> datetime:
    """Its last second, in the site's time zone."""
    return timezone.make_aware(datetime.combine(day, LAST_SECOND))


def expiry_from(text: str) -> datetime:
    """`2027-01-31`: to the last second of that day, in the site's time zone; `90d`: so
    many days from now."""
    days = DAYS.fullmatch(text)
    try:
        if days:
            return timezone.now() + timedelta(days=int(days[1]))
        return end_of(date.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise ChatError(
            _("Write a day as 2027-01-31, or a number of days as 90d."),
            code="invalid_value",
            field="expires",
        ) from error
