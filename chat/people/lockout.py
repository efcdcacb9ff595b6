"""A user is deactivated: at once, everywhere, what they have open ends.

Sessions and keys of somebody inactive are refused by themselves, at every request.
What does not ask again is told: sockets look whether they may still be there, and what
is being written for the user is stopped, which ends the streams that show it. A user
that is changed past `save`, by an UPDATE, is noticed where the next request, or a
socket's look every half minute, asks.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from .. import generations, nudges
from ..models import Generation


@receiver(post_save, sender=User)
def heed(instance: User, **_how: Any) -> None:
    if not instance.is_active:
        transaction.on_commit(partial(lock_out, instance.pk))


def lock_out(user: int) -> None:
    """End what is open in this user's name."""
    live = Generation.objects.filter(user=user).live()
    for pk in list(live.values_list("pk", flat=True)):
        generations.halt(pk)
    nudges.access_changed(user)
