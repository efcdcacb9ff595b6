"""A generation: the durable job that writes one assistant message."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..events import Snapshot
from ..limits.rates import Left
from ..tool_calls import of_lines

if TYPE_CHECKING:
    from .picture import Picture

LIVE = ("queued", "running")


ENDED_EARLY = ("failed", "stopped")
UNUSUAL = ("length", "stopped", "content_filter", "tool_calls")


def written(field: str, *values: str) -> Func:
    """`field IN (values)`, as the condition of a partial index says it: only beside
    these very words does SQLite use the index. Never anything a user said."""
    told = ", ".join(f"'{value}'" for value in values)
    return Func(
        F(field),
        template=f"%(expressions)s IN ({told})",
        output_field=models.BooleanField(),
    )


class GenerationQuerySet(QuerySet["Generation"]):
    def owned_by(self, user: Any) -> GenerationQuerySet:
        return self.filter(user_id=user.pk, conversation__deleted=None)

    def live(self) -> GenerationQuerySet:
        return self.filter(status__in=LIVE)

    def held_by(self, owner: str, attempt: int) -> GenerationQuerySet:
        """The fence: only the holder of this very lease matches."""
        return self.filter(status="running", owner=owner, attempt=attempt)


class Generation(models.Model):
    """queued -> running -> done | stopped | failed.

    `attempt` counts the claims and is the fencing token; `crashes` counts those whose
    owner or engine died. `text`, `reasoning`, `token_ids` (decimal ids, each followed
    by a space) and `tool_calls` (`chat.tool_calls.lines`) are the checkpoint while it
    runs; the end moves them to the message and empties them. `last_seq` is the
    sequence number of the terminal event. Without `store` nothing but the counts is
    left after the end.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="generations"
    )
    conversation = models.ForeignKey(
        "chat.Conversation",
        on_delete=models.CASCADE,
        related_name="generations",
        db_index=False,
    )
    message = models.OneToOneField(
        "chat.Message", on_delete=models.CASCADE, related_name="generation"
    )
    model = models.CharField(_("model"), max_length=200)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    store = models.BooleanField(_("text is stored"), default=True)
    trace = models.CharField(max_length=55, blank=True, default="", db_default="")
    """W3C's `traceparent` of the request, where `chat.observe.tracing` is on."""
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)

    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.QUEUED
    )
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    crashes = models.PositiveIntegerField(_("crashes"), default=0)
    owner = models.CharField(_("lease owner"), max_length=64, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    stop_requested = models.BooleanField(_("stop requested"), default=False)

    text = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    token_ids = models.TextField(blank=True)
    tool_calls = models.TextField(blank=True, default="", db_default="")
    last_seq = models.BigIntegerField(default=0)

    prompt_tokens = models.PositiveIntegerField(_("prompt tokens"), default=0)
    completion_tokens = models.PositiveIntegerField(_("completion tokens"), default=0)
    finish_reason = models.CharField(_("finish reason"), max_length=32, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    error_message = models.TextField(_("error"), blank=True)
    error_retryable = models.BooleanField(_("retryable"), default=False)

    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started = models.DateTimeField(_("started"), null=True, blank=True)
    first_token = models.DateTimeField(_("first token"), null=True, blank=True)
    first_text = models.DateTimeField(
        _("first text after thinking"), null=True, blank=True
    )
    finished = models.DateTimeField(_("finished"), null=True, blank=True)

    drawn: Sequence[Picture] = ()
    """What it drew, where that was loaded; not part of the row."""
    left: Left | None = None
    """Of the asker's rate limit, where it was just stored; not part of the row."""
    is_next: bool = False
    """Nobody waited before it when it was stored; not part of the row."""

    objects = GenerationQuerySet.as_manager()

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        ordering = ("-created",)
        constraints = (
            models.UniqueConstraint(
                fields=["user", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="generation_idempotent",
            ),
        )
        indexes = (
            # Claims stay fast however many finished rows there are.
            models.Index(
                fields=["status", "user", "created"],
                condition=Q(status__in=LIVE),
                name="generation_live",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(status="running"),
                name="generation_leases",
            ),
            models.Index(fields=["-created", "-id"], name="generation_recent"),
            # What has ended since, to be counted (`chat.reports.traffic`).
            models.Index(
                fields=["finished"],
                condition=Q(finished__isnull=False),
                name="generation_finished",
            ),
            # What went wrong, for the admin's filters; few.
            models.Index(
                fields=["status", "-created"],
                condition=Q(status__in=ENDED_EARLY),
                name="generation_ended_early",
            ),
            models.Index(
                fields=["finish_reason", "-created"],
                condition=Q(finish_reason__in=UNUSUAL),
                name="generation_unusual_end",
            ),
            # Whether a conversation is being answered, however long it is.
            models.Index(
                fields=["conversation", "status"], name="generation_conversation"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} ({self.status})"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def draws(self) -> bool:
        """Pictures, and no text: only those have a number of them."""
        return "n" in self.params

    @property
    def said(self) -> Snapshot:
        """The checkpoint: what it had said up to `last_seq`."""
        return Snapshot(
            self.text,
            self.reasoning,
            self.completion_tokens,
            tuple(map(int, self.token_ids.split())),
            of_lines(self.tool_calls),
        )
