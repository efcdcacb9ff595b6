"""Limits of one user or one group, instead of the site's; and how fast users ask."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..limits.rates import parse

LONGEST_RETENTION = 36_500


def validate_rate(text: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        raise ValidationError(
            _("Write a number and a unit, such as 60/m (also /s, /h, /d), or off.")
        ) from error


class Quota(models.Model):
    """What is left empty is inherited: a user's own value counts before the most
    generous one of their groups, and that before the settings. See
    `chat.limits.quotas`, of `retention_days` `chat.privacy.retention`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="quota",
        verbose_name=_("user"),
    )
    group = models.OneToOneField(
        "auth.Group",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="quota",
        verbose_name=_("group"),
    )
    rate_limit = models.CharField(
        _("rate limit"),
        max_length=16,
        blank=True,
        validators=[validate_rate],
        help_text=_("Questions in a time, such as 60/m (also /s, /h, /d), or off."),
    )
    daily_tokens = models.PositiveBigIntegerField(
        _("tokens a day"), null=True, blank=True, help_text=_("0: no limit.")
    )
    monthly_tokens = models.PositiveBigIntegerField(
        _("tokens a month"), null=True, blank=True, help_text=_("0: no limit.")
    )
    allowed_models = models.JSONField(
        _("models"),
        default=list,
        blank=True,
        help_text=_("None chosen: not restricted by this."),
    )
    concurrency = models.PositiveIntegerField(
        _("answers at a time"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    queue = models.PositiveIntegerField(
        _("questions waiting"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )

    retention_days = models.PositiveIntegerField(
        _("conversations are kept for (days)"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_RETENTION)],
        help_text=_("After the last question or answer; 0: for ever."),
    )

    class Meta:
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")
        ordering = ("group__name", "user__username")
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
                name="quota_of_one",
                violation_error_message=_("Name either a user or a group."),
            ),
        )

    def __str__(self) -> str:
        return str(self.user or self.group)


class Pace(models.Model):
    """`due`: when the user has everything left again that the rate limit allows, in
    seconds since 1970 by the database's clock. See `chat.limits.enforce`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    due = models.FloatField()

    def __str__(self) -> str:
        return f"{self.user_id}: {self.due}"
