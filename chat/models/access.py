"""API keys: shown once, stored as a hash, looked up by one indexed query."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..database import writing
from ..rows import Table
from ..sql import fetch

MARK = "cs-"
SHOWN = 10
USE_IS_NEWS_AFTER = timedelta(minutes=1)


class Scopes(models.TextChoices):
    """What a key may do, as OAuth writes it: names with a space between."""

    BOTH = "chat read", _("chat and read")
    CHAT = "chat", _("chat")
    READ = "read", _("read")


def digest(key: str) -> str:
    """SHA-256, hex. A key is 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeyQuerySet(QuerySet["ApiKey"]):
    def owned_by(self, user: Any) -> ApiKeyQuerySet:
        return self.filter(user_id=user.pk)

    def expired(self) -> ApiKeyQuerySet:
        return self.filter(expires__lte=timezone.now())

    def valid(self) -> ApiKeyQuerySet:
        unending = Q(expires=None) | Q(expires__gt=timezone.now())
        return self.filter(unending, revoked=None)

    def create_key(
        self,
        user: Any,
        name: str = "",
        scopes: str = Scopes.BOTH,
        expires: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """The row, and the key itself: the only time it is seen."""
        key = MARK + secrets.token_urlsafe(32)
        row = self.create(
            user=user,
            name=name,
            prefix=key[:SHOWN],
            hash=digest(key),
            scopes=scopes,
            expires=expires,
        )
        return row, key

    def find_key(self, key: str) -> ApiKey | None:
        """An active user's key that was not revoked. It may have expired."""
        for found in fetch(FIND, [digest(key)]):
            values = iter(found)
            row = KEYS.read(values)
            row.user = USERS.read(values)
            return row
        return None

    def verify(self, key: str) -> ApiKey | None:
        """The valid key of an active user, or None."""
        row = self.find_key(key)
        return row if row is not None and not row.is_expired else None


class ApiKey(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_keys",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    scopes = models.CharField(
        _("scopes"), max_length=16, choices=Scopes, default=Scopes.BOTH
    )
    prefix = models.CharField(_("begins with"), max_length=16)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(_("created"), auto_now_add=True)
    expires = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created",)
        constraints = (
            models.CheckConstraint(
                condition=Q(scopes__in=Scopes.values), name="api_key_scopes"
            ),
        )

    def __str__(self) -> str:
        """No name: Django's log of the administration keeps this."""
        return f"{self.prefix}…"

    @property
    def is_expired(self) -> bool:
        return self.expires is not None and self.expires <= timezone.now()

    def may(self, scope: str) -> bool:
        return scope in self.scopes.split()

    def note_use(self) -> None:
        """At most one write a minute, whatever the number of requests."""
        now = timezone.now()
        if self.last_used is None or now - self.last_used > USE_IS_NEWS_AFTER:
            with writing():
                KEYS.update({"id": self.pk}, last_used=now)

    def revoke(self) -> None:
        """Callers go through `chat.people.keys`, which closes what it holds open."""
        ApiKey.objects.filter(pk=self.pk, revoked=None).update(revoked=timezone.now())


KEYS = Table(ApiKey)
USERS = Table(get_user_model())
FIND = f"""
SELECT {KEYS.columns("k")}, {USERS.columns("u")}
FROM {KEYS.name} k JOIN {USERS.name} u ON u.id = k.user_id
WHERE k.hash = %s AND k.revoked IS NULL AND u.is_active
"""
