"""Quotas: what single users and groups may, instead of what the settings say."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Quota
from ..quotas import quotas
from .base import BoundedPaginator, _Admin

FIELDS = ("rate_limit", "daily_tokens", "concurrency", "queue")


@admin.register(Quota)
class QuotaAdmin(_Admin[Quota]):
    list_display = ("whose", *FIELDS, "retention_days")
    list_select_related = ("user", "group")
    list_filter = (("user", admin.EmptyFieldListFilter),)
    search_fields = ("user__username", "group__name")
    search_help_text = _("Name of a user or of a group.")
    autocomplete_fields = ("user", "group")
    show_full_result_count = False
    paginator = BoundedPaginator
    fieldsets = (
        (None, {"fields": ("user", "group")}),
        (
            _("Limits"),
            {
                "fields": FIELDS,
                "description": _(
                    "What is empty is inherited: from the most generous of the "
                    "user's groups, then from the settings."
                ),
            },
        ),
        (
            _("Retention"),
            {
                "fields": ("retention_days",),
                "description": _(
                    "What is empty is inherited: from the longest of the user's "
                    "groups, then from the settings. A legal hold keeps what is older."
                ),
            },
        ),
    )

    @admin.display(description=_("user or group"))
    def whose(self, row: Quota) -> str:
        return str(row)

    # This process knows at once, the others in a few seconds.

    def save_model(self, request: HttpRequest, obj: Quota, *more: Any) -> None:
        super().save_model(request, obj, *more)
        quotas.forget()

    def delete_model(self, request: HttpRequest, obj: Quota) -> None:
        super().delete_model(request, obj)
        quotas.forget()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Quota]) -> None:
        super().delete_queryset(request, queryset)
        quotas.forget()
