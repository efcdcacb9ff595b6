"""A prompt somebody writes often, kept under a name."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _


class PromptTemplateQuerySet(QuerySet["PromptTemplate"]):
    def owned_by(self, user: Any) -> PromptTemplateQuerySet:
        return self.filter(owner_id=user.pk)


class PromptTemplate(models.Model):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="prompt_templates",
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=80)
    text = models.TextField(_("text"))
    created = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    objects = PromptTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("prompt template")
        verbose_name_plural = _("prompt templates")
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "name"], name="prompt_template_name"
            ),
        )

    def __str__(self) -> str:
        return self.name
