"""A legal hold: what must not be deleted, whoever asks for it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Hold(models.Model):
    """On a user, with all that is theirs, or on one conversation. While it stands the
    database itself refuses to delete what it covers (`chat.privacy.triggers`); lifted,
    it is gone, and the audit log tells of it. See `chat.privacy.holds`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="hold",
        verbose_name=_("user"),
    )
    conversation = models.OneToOneField(
        "chat.Conversation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="hold",
        verbose_name=_("conversation"),
    )
    reason = models.TextField(_("reason"), max_length=500)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        editable=False,
    )
    placed = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        ordering = ("-id",)
        default_permissions = ("add", "delete", "view")
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, conversation__isnull=True)
                | Q(user__isnull=True, conversation__isnull=False),
                name="hold_of_one",
                violation_error_message=_("Name either a user or a conversation."),
            ),
        )

    def __str__(self) -> str:
        """No name: Django's log of the administration keeps this."""
        about = self.user_id or str(self.conversation_id)[:8]
        return f"#{about} ({timezone.localtime(self.placed):%Y-%m-%d})"
