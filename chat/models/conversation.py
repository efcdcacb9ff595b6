"""A conversation: one user's tree of messages, and how they look at it."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ConversationQuerySet(QuerySet["Conversation"]):
    def owned_by(self, user: Any) -> ConversationQuerySet:
        """The one door for everything a user names: what is not theirs, or what they
        deleted, is not there."""
        return self.filter(owner_id=user.pk, deleted=None)

    def to_show(self) -> ConversationQuerySet:
        """With tags, and `running`: an answer is queued or being generated."""
        from_here = self.model._meta.apps.get_model("chat", "Generation")
        live = from_here._default_manager.filter(
            conversation=OuterRef("pk"), status__in=("queued", "running")
        )
        return self.annotate(running=Exists(live)).prefetch_related("tags")


class Conversation(models.Model):
    """`leaf` is the last message of the path the user looks at. `source` tells what
    a program asked (hidden from lists unless asked for) from what a person wrote.
    One that is `deleted` can be brought back for a moment, then it is removed. One
    that is not `indexed` has news for `chat.search`."""

    class Source(models.TextChoices):
        WEB = "web", _("web")
        API = "api", _("API")

    class TitleSource(models.TextChoices):
        """Who named it. `asked`: the model was asked to, which happens once."""

        PROMPT = "prompt", _("prompt")
        ASKED = "asked", _("asked")
        MODEL = "model", _("model")
        USER = "user", _("user")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="conversations",
        verbose_name=_("owner"),
        db_index=False,
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    title_source = models.CharField(
        _("named by"), max_length=8, choices=TitleSource, default=TitleSource.PROMPT
    )
    model = models.CharField(_("model"), max_length=200, blank=True)
    system_prompt = models.TextField(_("system prompt"), blank=True)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    source = models.CharField(
        _("source"), max_length=8, choices=Source, default=Source.WEB
    )
    pinned = models.BooleanField(_("pinned"), default=False)
    archived = models.BooleanField(_("archived"), default=False)
    tags = models.ManyToManyField("chat.Tag", blank=True, related_name="conversations")
    leaf = models.ForeignKey(
        "chat.Message", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated = models.DateTimeField(_("updated"))
    deleted = models.DateTimeField(_("deleted"), null=True, blank=True)
    indexed = models.BooleanField(default=False, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ("-updated",)
        permissions = (
            ("review_conversation", _("Can read what users and models wrote")),
        )
        indexes = (
            # The sidebar: one user's conversations, pinned first, newest first.
            models.Index(
                fields=[
                    *("owner", "source", "archived"),
                    *("-pinned", "-updated", "-id"),
                ],
                name="conversation_sidebar",
            ),
            # The admin's list and its date filter.
            models.Index(fields=["-updated", "-id"], name="conversation_recent"),
            # What is to be removed; few at any time.
            models.Index(
                fields=["deleted"],
                condition=Q(deleted__isnull=False),
                name="conversation_deleted",
            ),
            models.Index(
                fields=["updated"],
                condition=Q(indexed=False),
                name="conversation_unindexed",
            ),
        )

    def __str__(self) -> str:
        """No title: Django shows this to staff who may not read it."""
        return str(self.pk)
