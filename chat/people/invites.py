"""Invitations: made by staff, accepted by whoever has the link, counted exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..database import write
from ..errors import ConflictError, NotFoundError
from ..models import Invite
from ..models.invite import digest, new_token
from ..privacy import audit


def make(by: Any, groups: Iterable[Group], **values: Any) -> tuple[Invite, str]:
    """The row, and the link's token: the only time it is seen."""
    token = new_token()
    with write():
        row = Invite.objects.create(hash=digest(token), made_by=by, **values)
        row.groups.set(groups)
        audit.record(by, audit.Action.INVITED, row, whose=None)
    return row, token


def groups_for(by: Any) -> QuerySet[Group]:
    """Those into which this user may invite: nobody gives away what they have not."""
    if by.is_superuser:
        return Group.objects.all()
    own = Permission.objects.filter(Q(user=by) | Q(group__user=by)).values("pk")
    beyond = Permission.objects.exclude(pk__in=own)
    return Group.objects.exclude(permissions__in=beyond)


def find(token: str) -> Invite | None:
    """One that can be accepted now. It closes with its maker's account."""
    rows = Invite.objects.open().of(token)
    return rows.filter(made_by__is_active=True).first()


def accept(token: str, *, username: str, email: str, password: str) -> User:
    """The new user. Raises `NotFoundError` when nobody can come in by it any more, and
    `ConflictError` when the name is taken; then nothing was used up."""
    invite = find(token)
    if invite is None:
        raise NotFoundError("token")
    hashed = make_password(password)  # takes long: not while others wait to write
    try:
        with write():
            return _join(invite, username, email, hashed)
    except IntegrityError as error:
        text = _("Somebody else has this name. Choose another one.")
        raise ConflictError(text, code="name_taken", field="username") from error


def _join(invite: Invite, username: str, email: str, hashed: str) -> User:
    # The row's own columns, which the database looks at again when it has the row:
    # of those who come at once for the last use, one gets it.
    mine = Invite.objects.open().filter(pk=invite.pk)
    if not mine.update(used=F("used") + 1):
        raise NotFoundError("token")
    email = User.objects.normalize_email(email)
    user = User.objects.create(username=username, email=email, password=hashed)
    # Typed by whoever joined, it proves nothing: single sign-on opens no account by it.
    EmailAddress.objects.create(
        user=user, email=email.lower(), primary=True, verified=False
    )
    user.groups.set(invite.groups.all())
    audit.record(user, audit.Action.JOINED, invite, whose=user.pk)
    return user


def revoke(rows: QuerySet[Invite], by: Any) -> int:
    """From now on the links lead nowhere; how many did until now."""
    count = 0
    for pk in list(rows.values_list("pk", flat=True)):
        row = Invite(pk=pk)
        with write():
            if Invite.objects.open().filter(pk=pk).update(revoked=timezone.now()):
                audit.record(by, audit.Action.UNINVITED, row, whose=None)
                count += 1
    return count
