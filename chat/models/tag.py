"""A user's own words for sorting conversations."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

TAG_CHARS = 40
MAX_TAGS = 10
"""On one conversation."""


class TagQuerySet(QuerySet["Tag"]):
    def owned_by(self, user: Any) -> TagQuerySet:
        return self.filter(owner_id=user.pk)


class Tag(models.Model):
    """`key` is the name as it is compared: one user's tags differ in more than case."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="tags",
        verbose_name=_("owner"),
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=TAG_CHARS)
    key = models.CharField(max_length=TAG_CHARS, editable=False)

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ("key",)
        constraints = (
            models.UniqueConstraint(fields=["owner", "key"], name="tag_once"),
        )

    def __str__(self) -> str:
        return self.name
