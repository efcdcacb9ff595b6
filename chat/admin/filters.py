"""List filters that know their choices without asking for all distinct values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import Feedback, Flag, Generation, Message
from ..models.access import ApiKeyQuerySet
from ..models.generation import ENDED_EARLY, LIVE, UNUSUAL, written

SAMPLE = 1000
"""As many of the newest rows are looked at for the names of models."""
LONG = 50
"""Messages."""
WINDOW = 5000
GROUPS = 100
Choices = list[tuple[str, Any]]
Rows = QuerySet[Any]


class ModelFilter(SimpleListFilter):
    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        newest = model_admin.model._default_manager.values_list("model", flat=True)
        names = {name for name in newest[:SAMPLE] if name}
        if chosen := self.value():
            names.add(chosen)
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        return queryset.filter(model=self.value()) if self.value() else None


class AnswersFilter(SimpleListFilter):
    """Conversations by what became of their answers.

    A semi-join from the generations, as there are few that wait, run or failed.
    """

    title = _("answers")
    parameter_name = "answers"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [
            ("running", _("being answered")),
            ("failed", _("one failed")),
            ("stopped", _("one was stopped")),
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        if self.value() is None:
            return None
        found: Rows = Generation.objects.all()
        if self.value() == "running":
            found = found.filter(written("status", *LIVE))
        else:
            found = in_state(found, self.value())
        return queryset.filter(pk__in=found.values("conversation"))


class RatingFilter(SimpleListFilter):
    title = _("rating")
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(str(value), label) for value, label in Feedback.Rating.choices]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        if self.value() not in {"1", "-1"}:
            return None
        rated = Feedback.objects.filter(rating=int(self.value() or 0))
        return queryset.filter(pk__in=rated.values("message__conversation"))


class UserFilter(SimpleListFilter):
    """By user name, which is typed: there are too many to be listed."""

    title = _("user")
    parameter_name = "user"
    template = "admin/chat/typed_filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        self.others = [
            (name, value)
            for name, value in request.GET.items()
            if name not in (self.parameter_name, "after", "e")
        ]
        return [("", "")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        if not self.value():
            return None
        found = User.objects.filter(username=self.value()).values_list("pk", flat=True)
        return queryset.filter(owner__in=list(found))


class GroupFilter(SimpleListFilter):
    title = _("group")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        groups = Group.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in groups[:GROUPS]]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        value = self.value() or ""
        if not value.isdecimal():
            return None
        return queryset.filter(owner__in=User.objects.filter(groups=int(value)))


class FlagFilter(SimpleListFilter):
    title = _("flag")
    parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [*Flag.State.choices, ("mine", _("open, assigned to me"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        value = self.value()
        if value is None:
            return None
        flags = Flag.objects.filter(state="open" if value == "mine" else value)
        if value == "mine":
            flags = flags.filter(assignee=cast("User", request.user))
        return queryset.filter(pk__in=flags.values("conversation"))


class LongFilter(SimpleListFilter):
    """No row knows its length, so it is looked for among the newest ones that the
    other filters leave."""

    title = _("length")
    parameter_name = "length"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("long", _("over 50 messages (of the newest 5,000)"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        if self.value() != "long":
            return None
        newest = queryset.order_by("-updated", "-pk").values("pk")[:WINDOW]
        messages = Message.objects.filter(conversation=OuterRef("pk"))
        beyond = messages.order_by("created", "id").values("pk")[LONG : LONG + 1]
        return queryset.filter(Exists(beyond), pk__in=newest)


class AssigneeFilter(SimpleListFilter):
    title = _("assignee")
    parameter_name = "assigned"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("me", _("to me")), ("nobody", _("to nobody"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        if self.value() == "me":
            return queryset.filter(assignee=cast("User", request.user))
        return queryset.filter(assignee=None) if self.value() == "nobody" else None


class FinishReasonFilter(SimpleListFilter):
    title = _("finish reason")
    parameter_name = "finish_reason"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(reason, reason) for reason in ("stop", *UNUSUAL)]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        chosen = self.value()
        if chosen in UNUSUAL:
            unusual = written("finish_reason", *UNUSUAL)
            return queryset.filter(unusual, finish_reason=chosen)
        return queryset.filter(finish_reason=chosen) if chosen else None


class StatusFilter(SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(str(value), label) for value, label in Generation.Status.choices]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        return in_state(queryset, self.value()) if self.value() else None


def in_state(rows: Rows, status: str | None) -> Rows:
    """By the partial index that has them."""
    for some in (LIVE, ENDED_EARLY):
        if status in some:
            rows = rows.filter(written("status", *some))
    return rows.filter(status=status)


class RevokedFilter(SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("valid", _("valid")), ("revoked", _("revoked"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        if self.value() is None:
            return None
        return queryset.filter(revoked__isnull=self.value() == "valid")


class KeyStateFilter(SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [
            ("valid", _("valid")),
            ("expired", _("expired")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        rows = cast("ApiKeyQuerySet", queryset)
        if self.value() == "valid":
            return rows.valid()
        if self.value() == "expired":
            return rows.expired().filter(revoked=None)
        if self.value() == "revoked":
            return queryset.filter(revoked__isnull=False)
        return None


class UsedFilter(SimpleListFilter):
    """What is not used can be revoked."""

    title = _("last used")
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [
            ("month", _("in the last 30 days")),
            ("before", _("longer ago")),
            ("never", _("never")),
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        since = timezone.now() - timedelta(days=30)
        wanted: dict[str, Rows] = {
            "month": queryset.filter(last_used__gte=since),
            "before": queryset.filter(last_used__lt=since),
            "never": queryset.filter(last_used=None),
        }
        return wanted.get(self.value() or "")
