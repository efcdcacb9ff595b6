"""What reviewers keep about a conversation: flags and notes. They go with it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FlagQuerySet(QuerySet["Flag"]):
    def open(self) -> FlagQuerySet:
        return self.filter(state=Flag.State.OPEN)

    def standing(self) -> FlagQuerySet:
        """Those that nobody dismissed."""
        return self.filter(state__in=(Flag.State.OPEN, Flag.State.REVIEWED))


class Flag(models.Model):
    """open -> reviewed | dismissed. Raised again, it is a new one; of the same source
    a conversation, or a message, has one open flag at a time."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        REVIEWED = "reviewed", _("reviewed")
        DISMISSED = "dismissed", _("dismissed")

    class Source(models.TextChoices):
        GUARD = "guard", _("guard")
        STAFF = "staff", _("staff")

    conversation = models.ForeignKey(
        "chat.Conversation",
        on_delete=models.CASCADE,
        related_name="flags",
        verbose_name=_("conversation"),
    )
    message = models.ForeignKey(
        "chat.Message",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="flags",
        verbose_name=_("message"),
    )
    source = models.CharField(
        _("raised by"), max_length=8, choices=Source, default=Source.STAFF
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    state = models.CharField(
        _("state"), max_length=12, choices=State, default=State.OPEN
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("flagged by"),
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("assignee"),
    )
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated = models.DateTimeField(_("updated"), default=timezone.now, editable=False)

    objects = FlagQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        ordering = ("-id",)
        default_permissions = ("add", "change", "view")
        indexes = (models.Index(fields=["state", "-id"], name="flag_state"),)
        constraints = (
            models.UniqueConstraint(
                fields=["conversation", "source"],
                condition=Q(state="open", message__isnull=True),
                name="flag_conversation_once",
            ),
            models.UniqueConstraint(
                fields=["message", "source"],
                condition=Q(state="open", message__isnull=False),
                name="flag_message_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"


class Note(models.Model):
    """What a reviewer wrote for the others. It cannot be changed."""

    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="notes"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(_("note"), max_length=4000)
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)
