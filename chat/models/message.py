"""A message: a node of the conversation's tree."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..events import Snapshot
from ..tool_calls import of_stored


class MessageQuerySet(QuerySet["Message"]):
    def owned_by(self, user: Any) -> MessageQuerySet:
        return self.filter(conversation__owner_id=user.pk, conversation__deleted=None)


class Message(models.Model):
    """An assistant message is empty until its generation ends.

    While it runs, its text is the generation's checkpoint plus the tape. `tool_calls`
    are those of an assistant, in OpenAI's shape; a tool's message names the one it
    answers with `tool_call_id`.
    """

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")
        SYSTEM = "system", _("system")
        TOOL = "tool", _("tool")

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        "chat.Conversation",
        on_delete=models.CASCADE,
        related_name="messages",
        db_index=False,
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    role = models.CharField(_("role"), max_length=16, choices=Role)
    content = models.TextField(_("content"), blank=True)
    reasoning = models.TextField(_("reasoning"), blank=True)
    tool_calls = models.JSONField(_("tool calls"), null=True, blank=True)
    tool_call_id = models.CharField(
        _("tool call"), max_length=200, blank=True, default="", db_default=""
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.DONE
    )
    tokens = models.PositiveIntegerField(_("tokens"), null=True, blank=True)
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    instead: str = ""
    """What a model that reads is told in the place of pictures; not part of the row."""

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("created", "id")
        indexes = (
            models.Index(
                fields=["conversation", "created", "id"], name="message_transcript"
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.pk}"

    @property
    def said(self) -> Snapshot:
        """All there is to show of it, once it has ended."""
        return Snapshot(
            self.content, self.reasoning, tool_calls=of_stored(self.tool_calls)
        )
