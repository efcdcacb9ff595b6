"""Erase a user with everything: by themselves, by staff, by `manage.py eraseuser`.

The account is closed first, and that it is to go is written down (`Departure`); then
conversations go some at a time, then the account and what is left. Broken off, it is
gone on with by a chore. What a legal hold covers stays, with the closed account, and
goes when it is lifted. The audit log keeps ids.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import Exists, Model, OuterRef, Q
from django.db.models.deletion import Collector
from django.utils import timezone

from .. import nudges
from ..conversations import purge
from ..database import write
from ..models import (
    Conversation,
    Departure,
    Flag,
    Generation,
    Hold,
    Invite,
    Note,
    Quota,
)
from ..models.conversation import ConversationQuerySet
from ..people import lockout
from ..tape.wipe import wipe
from . import audit, holds

BATCH = 200
"""Conversations removed in one transaction."""
STOP_SECONDS = 10.0
"""What is being written may take so long to end; then its row goes nevertheless."""
POLL = 0.05
FRESH = timedelta(minutes=15)
"""Longer ago no tape in Redis remembers anything."""
AT_ONCE = 20


def begin(row: User, by: Any) -> None:
    """Close the account: nothing opens it any more, and what is written for it ends.

    In the transaction that has checked that it may go. Idempotent.
    """
    _row, new = Departure.objects.get_or_create(user=row)
    if new:
        row.is_active = False
        row.set_unusable_password()
        row.save(update_fields=["is_active", "password"])
        audit.record(by, audit.Action.LEFT, row, whose=row.pk)


def finish(user: int, seconds: float | None = None) -> bool:
    """Erase what is not held, for no longer than that; whether all is gone."""
    end = None if seconds is None else time.monotonic() + seconds
    lockout.lock_out(user)
    _wait_for_ends(user, STOP_SECONDS if seconds is None else seconds)
    tapes = _tapes(Conversation.objects.filter(~holds.held(), owner=user))
    while step(user):
        if end is not None and time.monotonic() > end:
            return False
    wipe(tapes)  # what was on its way to them
    return not User.objects.filter(pk=user).exists()


def go_on() -> bool:
    """A step of each account that is being erased; whether there is more to do."""
    kept = Q(user=OuterRef("user")) | Q(conversation__owner=OuterRef("user"))
    theirs = Conversation.objects.filter(~holds.held(), owner=OuterRef("user"))
    # Those of whom nothing may go now would keep the others from being looked at.
    some = ~Exists(Hold.objects.filter(kept)) | Exists(theirs)
    users = Departure.objects.filter(some).order_by("asked")
    more = [step(row.user_id) for row in users[:AT_ONCE]]
    return any(more)


def _wait_for_ends(user: int, seconds: float) -> None:
    """Whoever writes for them has heard that it is to end, or hears it soon."""
    end = time.monotonic() + min(STOP_SECONDS, seconds)
    live = Generation.objects.filter(user=user, lease_until__gt=timezone.now()).live()
    while live.exists() and time.monotonic() < end:
        time.sleep(POLL)


def step(user: int) -> bool:
    """Remove some conversations; or, when there are none, the account. Whether there
    may be more."""
    mine = Conversation.objects.filter(~holds.held(), owner=user)
    some = list(mine.values_list("pk", flat=True)[:BATCH])
    if not some:
        _remove_account(user)
        return False
    tapes = _tapes(mine.filter(pk__in=some))
    for live in purge(mine.filter(pk__in=some)):
        nudges.stop.send(str(live))
    wipe(tapes)
    return True


def _tapes(conversations: ConversationQuerySet) -> list[str]:
    """Generations of which a tape, somewhere, may know something."""
    rows = Generation.objects.filter(conversation__in=conversations)
    fresh = Q(finished=None) | Q(finished__gt=timezone.now() - FRESH)
    return [str(pk) for pk in rows.filter(fresh).values_list("pk", flat=True)]


def _remove_account(user: int) -> None:
    """With the row locked, so that nothing more can be begun in its name."""
    _forget_sessions(user)  # there are many to look at: not while others wait
    with write():
        holds.respect()
        row = User.objects.select_for_update().filter(pk=user).first()
        if row is None or holds.on(row).exists():
            return
        _forget_log(row)
        _forget_staff_work(row)
        row.delete()
    nudges.access_changed(user)


def _forget_log(row: User) -> None:
    """What Django's own log of the administration tells of them: it has names."""
    called = ContentType.objects.get_for_models(User, Quota).values()
    named = LogEntry.objects.filter(content_type__in=called)
    named.filter(object_repr=row.get_username()).delete()
    collector = Collector(using=row._state.db or "default", origin=row)
    collector.collect([row])
    concerned: dict[type[Model], set[Any]] = {
        model: {each.pk for each in rows} for model, rows in collector.data.items()
    }
    for rows in collector.fast_deletes:
        found = (each.pk for each in rows)
        concerned.setdefault(rows.model, set()).update(found)
    for model, pks in concerned.items():
        kind = ContentType.objects.get_for_model(model)
        told = LogEntry.objects.filter(content_type=kind)
        told.filter(object_id__in=[str(pk) for pk in pks]).delete()


def _forget_staff_work(row: User) -> None:
    """Words they wrote about others: notes, and why they raised a flag; and
    invitations to their own addresses."""
    of_others = ~holds.held("conversation", "conversation__owner")
    Note.objects.filter(of_others, author=row).delete()
    Flag.objects.filter(of_others, made_by=row).update(reason="")
    Invite.objects.filter(made_by=row).update(note="")
    theirs = EmailAddress.objects.filter(user=row).values_list("email", flat=True)
    for address in {row.email, *theirs} - {""}:
        Invite.objects.filter(email__iexact=address).delete()


def _forget_sessions(user: int) -> None:
    """Wherever they were signed in; a session says by its contents whose it is. No new
    one begins: the account is closed."""
    mine = [
        session.pk
        for session in Session.objects.iterator(chunk_size=500)
        if session.get_decoded().get(SESSION_KEY) == str(user)
    ]
    for start in range(0, len(mine), 500):
        Session.objects.filter(pk__in=mine[start : start + 500]).delete()
