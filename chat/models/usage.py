"""The ledger: how much each user used, by day and model."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from .conversation import Conversation


class UsageQuerySet(QuerySet["Usage"]):
    def owned_by(self, user: Any) -> UsageQuerySet:
        return self.filter(user_id=user.pk)


class Usage(models.Model):
    """Sums, so that what was used stays known when what was said is gone. `day` is the
    one on which an answer ended, in the site's time zone (`chat.limits.usage`)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="usage",
        verbose_name=_("user"),
        db_index=False,
    )
    day = models.DateField(_("day"))
    model = models.CharField(_("model"), max_length=200)
    source = models.CharField(
        _("source"), max_length=8, choices=Conversation.Source.choices
    )
    requests = models.PositiveIntegerField(_("requests"), default=0)
    prompt_tokens = models.PositiveBigIntegerField(_("prompt tokens"), default=0)
    completion_tokens = models.PositiveBigIntegerField(
        _("completion tokens"), default=0
    )

    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        ordering = ("-day", "model")
        constraints = (
            models.UniqueConstraint(
                fields=["user", "day", "model", "source"], name="usage_of_a_day"
            ),
        )
        # What everybody used, for staff, in the order in which it is added up. Nothing
        # in it changes with an answer.
        indexes = (models.Index(fields=["day", "model"], name="usage_of_days"),)

    def __str__(self) -> str:
        return f"{self.day} {self.model}"
