"""How a user wants the pages to be. There is a row once something was changed."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

SLOWEST, FASTEST = 5, 500
"""Characters a second."""


class Preferences(models.Model):
    """Without a `language` the browser's is taken. `typewriter_speed` is that of the
    fixed typewriter; `remote_images` are those a model's answer points to."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Typewriter(models.TextChoices):
        SMOOTH = "smooth", _("Smoothly, as fast as it comes")
        FIXED = "fixed", _("At a fixed speed")
        OFF = "off", _("Off: show at once what has come")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="preferences",
    )
    language = models.CharField(_("language"), max_length=16, blank=True)
    theme = models.CharField(
        _("theme"), max_length=8, choices=Theme, default=Theme.SYSTEM
    )
    typewriter = models.CharField(
        _("typewriter"), max_length=8, choices=Typewriter, default=Typewriter.SMOOTH
    )
    typewriter_speed = models.PositiveSmallIntegerField(
        _("characters per second"),
        default=40,
        validators=[MinValueValidator(SLOWEST), MaxValueValidator(FASTEST)],
    )
    remote_images = models.BooleanField(
        _("load images of other sites without asking"), default=False
    )

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return f"{self.user_id}"
