"""The audit log, to read. Nobody adds to it, changes it or removes anything here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import AuditEntry
from .base import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    list_display = ("when", "who", "action", "whose", "kind", "object", "reason")
    list_filter = ("action", ("at", admin.DateFieldListFilter))
    looked_up = ("object", "actor", "subject")
    date_hierarchy = "at"
    search_fields = ("id",)
    search_help_text = _("A whole user name, or an id.")
    fields = ("when", "who", "action", "whose", "kind", "object", "reason")
    readonly_fields = ("when", "who", "whose")
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip()
        if term:
            people = User.objects.filter(username=term).values_list("pk", flat=True)
            ids = list(people)
            about = Q(actor__in=ids) | Q(subject__in=ids)
            queryset = queryset.filter(about if ids else Q(object=term))
        return queryset, False

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> str:
        """The entries have ids; who still has a name is shown with it."""
        ids = {pk for row in rows for pk in (row.actor, row.subject)}
        names = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
        for row in rows:
            row.names = names
        return ""

    def get_object(self, request: HttpRequest, *place: Any) -> Any:
        row = super().get_object(request, *place)
        if row is not None:
            self.prepare(request, [row])
        return row

    @admin.display(description=_("time"))
    def when(self, row: AuditEntry) -> str:
        return f"{row.at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description=_("who"), empty_value="–")
    def who(self, row: Any) -> str | None:
        return named(row, row.actor)

    @admin.display(description=_("whose"), empty_value="–")
    def whose(self, row: Any) -> str | None:
        return named(row, row.subject)


def named(row: Any, pk: int | None) -> str | None:
    return None if pk is None else f"{row.names.get(pk, '')} #{pk}".strip()
