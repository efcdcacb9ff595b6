"""Write into the audit log, and let go of what is old."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from ..database import write
from ..models import AuditEntry, Hold
from ..models.audit import AuditQuerySet

Action = AuditEntry.Action
EXPIRED_AT_ONCE = 500


def record(
    actor: Any, action: Action, about: Any, *, whose: int | None, reason: str = ""
) -> None:
    """`actor` (a user or None) did this to the row `about`, which is `whose`."""
    record_many(actor, action, about._meta.model_name, {about.pk: whose}, reason)


def record_many(
    actor: Any,
    action: Action,
    kind: str,
    objects: Mapping[Any, int | None],
    reason: str = "",
) -> None:
    """The same to several rows of one kind: whose each of these ids is."""
    who = getattr(actor, "pk", None)
    with write():
        AuditEntry.objects.bulk_create(
            AuditEntry(
                actor=who,
                action=action,
                subject=whose,
                kind=kind,
                object=str(pk),
                reason=reason,
            )
            for pk, whose in objects.items()
        )


def last_reason(actor: Any, objects: Collection[str], within: timedelta) -> str | None:
    """The reason this user gave last for one of these ids, if that is not too long
    ago."""
    given = AuditEntry.objects.filter(
        actor=actor.pk,
        action=Action.OPENED,
        object__in=objects,
        at__gt=timezone.now() - within,
    )
    return given.order_by("-id").values_list("reason", flat=True).first()


def old() -> AuditQuerySet:
    """What is older than CHAT_AUDIT_DAYS, and may go."""
    if not settings.CHAT_AUDIT_DAYS:
        return AuditEntry.objects.none()
    before = timezone.now() - timedelta(days=settings.CHAT_AUDIT_DAYS)
    return AuditEntry.objects.filter(at__lt=before).exclude(subject__in=_kept())


def _kept() -> QuerySet[Any]:
    """Users of whom something is under a legal hold: what tells of them stays too."""
    whose = Coalesce("user", "conversation__owner")
    return Hold.objects.annotate(whose=whose).order_by().values("whose")


def expire() -> bool:
    """Remove some of what is old; whether there may be more."""
    with write():
        return old().expire(EXPIRED_AT_ONCE) == EXPIRED_AT_ONCE
