"""API keys: who has which, when they were used; to revoke them, and to make one.

Neither a key nor its hash can be read or searched for; a new key is shown once. A key
opens all that its user has, so only superusers make one in another's name.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..database import write
from ..errors import ChatError
from ..models import ApiKey
from ..people import keys
from .base import ReadOnlyAdmin, moment, pill
from .filters import KeyStateFilter, UsedFilter


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ApiKey
        fields = ("user", "name", "scopes", "expires")

    def clean_user(self) -> User:
        """Runs in the admin's transaction, so the count holds until the key is made."""
        user: User = checked(keys.check_room, self.cleaned_data["user"])
        return user

    def clean_expires(self) -> Any:
        return checked(keys.check_expiry, self.cleaned_data["expires"])


def checked(check: Any, value: Any) -> Any:
    """The value, or what is wrong with it as a form says it."""
    try:
        check(value)
    except ChatError as error:
        raise forms.ValidationError(str(error.message)) from error
    return value


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    list_display = (
        "prefix",
        "person",
        "name",
        "scopes",
        "state",
        "made",
        "used_last",
        "ends",
    )
    list_filter = (KeyStateFilter, "scopes", UsedFilter)
    list_select_related = ("user",)
    search_fields = ("user__username", "name", "prefix")
    search_help_text = _("User name, name of the key, or how it begins.")
    actions = ("revoke_selected",)
    fields = (
        *("prefix", "person", "name", "scopes"),
        *("created", "last_used", "expires", "revoked"),
    )
    autocomplete_fields = ("user",)

    @admin.display(description=_("user"))
    def person(self, row: ApiKey) -> str:
        return row.user.get_username()

    @admin.display(description=_("state"))
    def state(self, row: ApiKey) -> str:
        if row.revoked:
            return pill("stopped", _now("revoked"))
        if row.is_expired:
            return pill("stopped", _now("expired"))
        return pill("done", _now("valid"))

    @admin.display(description=_("created"))
    def made(self, row: ApiKey) -> str:
        return moment(row.created)

    @admin.display(description=_("last used"), empty_value="")
    def used_last(self, row: ApiKey) -> str | None:
        return moment(row.last_used) if row.last_used else None

    @admin.display(description=_("until"), empty_value="")
    def ends(self, row: ApiKey) -> str | None:
        end = row.revoked or row.expires
        return moment(end) if end else None

    # Making one

    def changeform_view(self, *place: Any, **more: Any) -> HttpResponse:
        """As for invitations: the writer's turn before Django's own transaction."""
        with write():
            answer: HttpResponse = super().changeform_view(*place, **more)
            return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def get_form(
        self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": KeyForm, "fields": KeyForm.Meta.fields}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return KeyForm.Meta.fields if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.fields

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: Any, change: bool
    ) -> None:
        scopes = obj.scopes.split()
        row, key = keys.issue(obj.user, obj.name, scopes, obj.expires)
        vars(obj).update(vars(row), shown_once=key)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """In this answer and never again: no message and no session keeps it."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new API key"),
            "opts": self.opts,
            "row": obj,
            "key": vars(obj)["shown_once"],
        }
        response = TemplateResponse(request, "admin/chat/apikey/made.html", context)
        add_never_cache_headers(response)
        return response

    # Revoking

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: Any) -> None:
        rows = list(queryset.filter(revoked=None))
        for row in rows:
            keys.revoke(row)
            self.log_change(request, row, _now("Revoked."))
        told = ngettext(
            "%(count)d key was revoked. It no longer opens anything.",
            "%(count)d keys were revoked. They no longer open anything.",
            len(rows),
        )
        level = messages.SUCCESS if rows else messages.WARNING
        self.message_user(request, told % {"count": len(rows)}, level)
