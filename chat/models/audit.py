"""The audit log: who did what to whose data. It is only ever added to.

It has ids and reasons, no names and no contents, and no foreign keys: what it tells of
may be gone. The database itself refuses to change an entry (migration 0015), and only
`expire` takes entries away, when they are old.
"""

from __future__ import annotations

from typing import Any, Never

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AppendOnlyError(TypeError):
    """Somebody tried to change or to remove entries of the audit log."""


class AuditQuerySet(QuerySet["AuditEntry"]):
    def update(self, **_values: Any) -> Never:
        raise AppendOnlyError("entries of the audit log cannot be changed")

    def bulk_update(self, *_args: Any, **_options: Any) -> Never:
        raise AppendOnlyError("entries of the audit log cannot be changed")

    def delete(self) -> Never:
        raise AppendOnlyError("entries of the audit log cannot be removed")

    def expire(self, limit: int) -> int:
        """Remove the oldest of them; how many."""
        old = self.order_by("at", "id")
        some = list(old.values_list("pk", flat=True)[:limit])
        gone, _models = QuerySet.delete(self.filter(pk__in=some))
        return gone


class AuditEntry(models.Model):
    """`actor` did it (nobody: a command), `subject` is whose data it was; both are ids
    of users. `kind` and `object` say what was concerned."""

    class Action(models.TextChoices):
        OPENED = "opened", _("gave a reason")
        READ = "read", _("read the transcript")
        LISTED = "listed", _("listed titles or searched")
        EXPORTED = "exported", _("exported for review")
        NOTED = "noted", _("wrote a note")
        FLAGGED = "flagged", _("flagged")
        REVIEWED = "reviewed", _("marked as reviewed")
        DISMISSED = "dismissed", _("dismissed a flag")
        ASSIGNED = "assigned", _("took a flag")
        STOPPED = "stopped", _("stopped an answer")
        DELETED = "deleted", _("deleted")
        SHARED = "shared", _("made a shared link")
        UNSHARED = "unshared", _("revoked a shared link")
        EXPORT = "export", _("exported their data")
        IMPORT = "import", _("imported a file")
        INVITED = "invited", _("made an invitation")
        UNINVITED = "uninvited", _("revoked an invitation")
        JOINED = "joined", _("accepted an invitation")
        LEFT = "left", _("deleted an account")
        TWO_FACTOR = "two_factor", _("removed a second factor")
        HELD = "held", _("put under a legal hold")
        RELEASED = "released", _("lifted a legal hold")
        PRUNED = "pruned", _("removed, as it was too old")

    at = models.DateTimeField(_("time"), default=timezone.now, editable=False)
    actor = models.BigIntegerField(_("who"), null=True)
    action = models.CharField(_("action"), max_length=16, choices=Action)
    subject = models.BigIntegerField(_("whose"), null=True)
    kind = models.CharField(_("kind"), max_length=16)
    object = models.CharField(_("id"), max_length=64)
    reason = models.TextField(_("reason"), max_length=500, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ("-id",)
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["at", "id"], name="audit_age"),
            models.Index(fields=["object", "-id"], name="audit_object"),
            models.Index(fields=["actor", "-id"], name="audit_actor"),
            models.Index(fields=["subject", "-id"], name="audit_subject"),
            models.Index(fields=["action", "-id"], name="audit_action"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action} {self.object}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("entries of the audit log cannot be changed")
        super().save(*args, **options)

    def delete(self, *_args: Any, **_options: Any) -> Never:
        raise AppendOnlyError("entries of the audit log cannot be removed")
