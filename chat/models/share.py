"""A share: a frozen copy of a conversation behind a link nobody can guess."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

TOKEN_BYTES = 32
TOKEN_CHARS = 43


def new_token() -> str:
    """256 random bits. Stored as it is: whoever reads the table reads the copy too."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class ShareQuerySet(QuerySet["Share"]):
    def owned_by(self, user: Any) -> ShareQuerySet:
        return self.filter(owner_id=user.pk)

    def live(self) -> ShareQuerySet:
        return self.filter(revoked=None)

    def public(self) -> ShareQuerySet:
        """What a stranger with the link may read."""
        return self.live().filter(owner__is_active=True, conversation__deleted=None)


class Share(models.Model):
    """`content`: the messages of the path that was active when it was made, oldest
    first, each `{"role", "text", "reasoning"?, "model"?, "images"?, "created"}`; of
    pictures `{"id", "alt", "width", "height"}`. It goes with the conversation or the
    account; a revoked one keeps no content."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.CharField(
        max_length=TOKEN_CHARS, unique=True, default=new_token, editable=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="shares",
        verbose_name=_("owner"),
        db_index=False,
    )
    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="shares"
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    content = models.JSONField(default=list, blank=True)
    messages = models.PositiveIntegerField(_("messages"), default=0)
    reasoning = models.BooleanField(_("with the model's thoughts"), default=False)
    created = models.DateTimeField(_("created"), default=timezone.now)
    updated = models.DateTimeField(_("copied"), default=timezone.now)
    revoked = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ShareQuerySet.as_manager()

    class Meta:
        verbose_name = _("shared link")
        verbose_name_plural = _("shared links")
        ordering = ("-created",)
        constraints = (
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(revoked__isnull=True),
                name="share_one_link",
            ),
        )
        indexes = (models.Index(fields=["owner", "-created"], name="share_list"),)

    def __str__(self) -> str:
        return str(self.pk)
