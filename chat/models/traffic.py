"""What happened in each hour, added up: so that nobody has to read the answers."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Traffic(models.Model):
    """So often, or so much, in that hour. Written by `chat.reports.traffic`."""

    class Kind(models.TextChoices):
        """What `name` is."""

        STATUS = "status", "answers: how they ended"
        PROMPT = "prompt", "tokens of prompts: the model"
        COMPLETION = "completion", "tokens of answers: the model"
        ERROR = "error", "failures: the code"
        QUEUE = "queue", "milliseconds until it began: the bucket"
        FIRST = "first", "milliseconds until the first token: the bucket"
        TOTAL = "total", "milliseconds until the end: the bucket"

    hour = models.IntegerField()
    """In which it ended, counted since 1970."""
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=200)
    amount = models.PositiveBigIntegerField()

    class Meta:
        verbose_name = _("overview")
        verbose_name_plural = _("overview")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["hour", "kind", "name"], name="traffic_of_an_hour"
            ),
        )

    def __str__(self) -> str:
        return f"{self.hour} {self.kind} {self.name}: {self.amount}"


class TrafficMark(models.Model):
    """The one row: answers that ended up to then are counted."""

    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.until:%Y-%m-%d %H:%M:%S}"
