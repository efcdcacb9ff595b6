"""What a user thinks of an answer."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Feedback(models.Model):
    class Rating(models.IntegerChoices):
        GOOD = 1, _("good")
        BAD = -1, _("bad")

    message = models.OneToOneField(
        "chat.Message", on_delete=models.CASCADE, related_name="feedback"
    )
    rating = models.SmallIntegerField(_("rating"), choices=Rating)
    comment = models.TextField(_("comment"), max_length=2000, blank=True)
    created = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        indexes = (models.Index(fields=["rating", "-updated"], name="feedback_rating"),)

    def __str__(self) -> str:
        return f"{self.get_rating_display()} {self.pk}"
