"""Quotas: what single users and groups may, instead of what the settings say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..engines.registry import models
from ..models import Quota
from .base import BoundedPaginator, _Admin

FIELDS = ("rate_limit", "daily_tokens", "monthly_tokens", "concurrency", "queue")


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes none when it runs
    """Models are chosen from those that are offered, and those chosen before: an
    engine that is away for a while lists none."""

    allowed_models = forms.MultipleChoiceField(
        label=_("Models"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: not restricted by this."),
    )

    class Meta:
        model = Quota
        fields = ("user", "group", *FIELDS, "retention_days", "allowed_models")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {info.id: info.label or info.id for info in models()}
        before = {name: name for name in self.instance.allowed_models}
        self.fields["allowed_models"].choices = (  # type: ignore[attr-defined]
            before | labels
        ).items()


@admin.register(Quota)
class QuotaAdmin(_Admin[Quota]):
    form = QuotaForm
    list_display = ("whose", "models", *FIELDS, "retention_days")
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
        (
            _("Models"),
            {
                "fields": ("allowed_models",),
                "description": _(
                    "A user may use the models of their own quota; without any, those "
                    "of all their groups that choose some; and who is in no such group "
                    "may use all."
                ),
            },
        ),
    )

    @admin.display(description=_("user or group"))
    def whose(self, row: Quota) -> str:
        return str(row)

    @admin.display(description=_("models"), empty_value="")
    def models(self, row: Quota) -> str | None:
        return ", ".join(row.allowed_models) or None
