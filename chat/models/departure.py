"""An account that is being erased."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Departure(models.Model):
    """Written before anything goes, so that it is finished whatever happens meanwhile:
    by the next process that runs generations, or once a hold is lifted."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="departure",
    )
    asked = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.user_id)
