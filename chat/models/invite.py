"""An invitation: a link by which so many people make themselves an account."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MOST_USES = 1000


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """SHA-256, hex: nobody who reads the table can use a link."""
    return hashlib.sha256(token.encode()).hexdigest()


class InviteQuerySet(QuerySet["Invite"]):
    def open(self) -> InviteQuerySet:
        """Only what an UPDATE of the row can check again (`chat.people.invites`)."""
        in_time = Q(expires__gt=timezone.now())
        return self.filter(in_time, revoked=None, used__lt=F("uses"))

    def of(self, token: str) -> InviteQuerySet:
        return self.filter(hash=digest(token))


class Invite(models.Model):
    hash = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(
        _("note"), max_length=200, blank=True, help_text=_("For staff: who it is for.")
    )
    groups = models.ManyToManyField(
        "auth.Group",
        verbose_name=_("groups"),
        blank=True,
        related_name="+",
        help_text=_("Whoever accepts becomes a member of these."),
    )
    email = models.EmailField(
        _("e-mail address"),
        blank=True,
        help_text=_("If one is named, only an account with this address can be made."),
    )
    uses = models.PositiveIntegerField(
        _("accounts at most"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_USES)],
    )
    used = models.PositiveIntegerField(_("accounts made"), default=0, editable=False)
    expires = models.DateTimeField(_("until"))
    revoked = models.DateTimeField(_("revoked"), null=True, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
        verbose_name=_("made by"),
    )
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = InviteQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-id",)
        default_permissions = ("add", "change", "view")

    def __str__(self) -> str:
        return self.note or f"#{self.pk}"

    @property
    def state(self) -> str:
        """`open`, `used`, `expired` or `revoked`."""
        if self.revoked:
            return "revoked"
        if self.used >= self.uses:
            return "used"
        return "expired" if self.expires <= timezone.now() else "open"
