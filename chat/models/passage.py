"""What search reads: titles and messages, folded; the database's own index on top."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class MarksField(models.Field):  # type: ignore[type-arg]
    """What the database's index finds a passage's owner by, made by `chat.search`:
    text in SQLite, an array of numbers in PostgreSQL, given as text."""

    def db_type(self, connection: Any) -> str:
        return "integer[]" if connection.vendor == "postgresql" else "text"


class Passage(models.Model):
    """The title of a conversation (then it has no message), or a finished message.

    Numbers grow, so the newest come first by the primary key alone.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    conversation = models.ForeignKey(
        "chat.Conversation",
        on_delete=models.CASCADE,
        related_name="passages",
        db_index=False,
    )
    message = models.OneToOneField(
        "chat.Message", null=True, on_delete=models.CASCADE, related_name="passage"
    )
    body = models.TextField()
    marks = MarksField()

    class Meta:
        indexes = (
            models.Index(fields=["owner", "-id"], name="passage_newest"),
            models.Index(fields=["conversation", "-id"], name="passage_within"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(message__isnull=True),
                name="passage_title",
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)
