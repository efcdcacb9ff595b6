"""Files without a picture: those to come, and those to go.

A file is told of here (`LooseFile`) before it is written. The transaction that writes
its picture takes it from the list; the one that deletes the picture puts it there
again, whoever deletes: its user, retention, erasure. Behind the commit the file goes,
and what could not be deleted then, or was never named by a picture, goes with a chore.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from ..database import write
from ..models import LooseFile, Picture
from ..models.picture import files

logger = logging.getLogger(__name__)

KEPT = timedelta(days=1)
"""Longer than the end of any answer takes to be written, whatever is away meanwhile."""
SWEPT_AT_ONCE = 50


def announce(names: Collection[str]) -> None:
    """These files are going to be written. Safe to repeat."""
    with write():
        put(names)


def put(names: Collection[str], since: datetime | None = None) -> None:
    created = since or timezone.now()
    rows = [LooseFile(name=name, created=created) for name in names]
    LooseFile.objects.bulk_create(rows, ignore_conflicts=True)


def claim(pictures: Sequence[Picture]) -> None:
    """They have their pictures now: in the transaction that writes those."""
    LooseFile.objects.filter(name__in=names_of(*pictures)).delete()


def names_of(*pictures: Picture) -> list[str]:
    return [str(name) for row in pictures for name in (row.file, row.thumbnail)]


@receiver(post_delete, sender=Picture)
def let_go(instance: Picture, **_more: Any) -> None:
    names = names_of(instance)
    put(names, since=timezone.now() - KEPT)
    transaction.on_commit(partial(discard, names))


def discard(names: Sequence[str]) -> None:
    """Delete these files. What cannot be deleted now is left for later."""
    gone = [name for name in names if _delete(name)]
    with write():
        LooseFile.objects.filter(name__in=gone).delete()


def _delete(name: str) -> bool:
    try:
        files.delete(name)
    except Exception:  # every storage has errors of its own
        logger.exception("cannot delete a picture's file")
        return False
    return True


def sweep() -> bool:
    """Delete some of those that have been here for long; whether there may be more."""
    old = LooseFile.objects.filter(created__lt=timezone.now() - KEPT)
    names = list(old.order_by("created").values_list("name", flat=True)[:SWEPT_AT_ONCE])
    if names:
        discard(names)
    return len(names) == SWEPT_AT_ONCE and not old.filter(name__in=names).exists()
