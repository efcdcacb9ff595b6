"""A picture: what a model drew, a file of its owner."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

ALT_CHARS = 400


class PictureFiles(Storage):
    """The storage of this name in Django's `STORAGES`: looked for at each call, as
    models are made before anybody may ask for storages."""

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        return storages["pictures"].open(name, mode)

    def save(
        self, name: str | None, content: Any, max_length: int | None = None
    ) -> str:
        return storages["pictures"].save(name, content, max_length)

    def delete(self, name: str) -> None:
        storages["pictures"].delete(name)

    def exists(self, name: str) -> bool:
        return storages["pictures"].exists(name)


files = PictureFiles()


def storage() -> Storage:
    return files


class PictureQuerySet(QuerySet["Picture"]):
    def owned_by(self, user: Any) -> PictureQuerySet:
        return self.filter(
            owner_id=user.pk, message__conversation__deleted__isnull=True
        )

    def to_show(self) -> PictureQuerySet:
        """With what was asked for, which is what they show; in their order."""
        return self.select_related("message__parent").order_by("message", "number")


class Picture(models.Model):
    """One of those an assistant message has, `number` from 0. The files have names
    that nobody can guess; the row is written by the transaction that ends the answer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(
        "chat.Message",
        on_delete=models.CASCADE,
        related_name="pictures",
        verbose_name=_("message"),
        db_index=False,
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="pictures",
        verbose_name=_("owner"),
    )
    number = models.PositiveSmallIntegerField(_("number"), default=0)
    file = models.FileField(_("file"), max_length=200, storage=storage)
    thumbnail = models.FileField(_("thumbnail"), max_length=200, storage=storage)
    content_type = models.CharField(_("content type"), max_length=32)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    bytes = models.PositiveIntegerField(_("bytes"))
    seed = models.BigIntegerField(_("seed"))
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = PictureQuerySet.as_manager()

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ("-created",)
        constraints = (
            models.UniqueConstraint(fields=["message", "number"], name="picture_once"),
        )
        # The admin's list.
        indexes = (models.Index(fields=["-created", "-id"], name="picture_recent"),)

    def __str__(self) -> str:
        """No names of files, no words: Django shows this to staff."""
        return str(self.pk)

    @property
    def alt(self) -> str:
        """What it shows, for those who do not see it: what was asked for."""
        asked = self.message.parent
        return shortened(asked.content) if asked else ""


def shortened(prompt: str) -> str:
    words = " ".join(prompt.split())
    return words if len(words) <= ALT_CHARS else words[: ALT_CHARS - 1] + "…"


class LooseFile(models.Model):
    """A file in the pictures' storage that no picture names: not yet, or not any more.

    Written before the file, and removed by the transaction that writes the picture, or
    behind the deletion of the file: so none is forgotten, whatever dies when.
    """

    name = models.CharField(max_length=200, unique=True)
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("file without a picture")
        verbose_name_plural = _("files without a picture")

    def __str__(self) -> str:
        return str(self.pk)
