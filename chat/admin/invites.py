"""Invitations: links by which people make accounts; shown once, revocable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..database import write
from ..models import Invite
from ..people import invites
from ..people.keys import end_of
from .base import ReadOnlyAdmin, moment, pill

USUAL = timedelta(days=7)
LONGEST = timedelta(days=366)
STATES = {
    "open": ("done", _("open")),
    "used": ("stopped", _("used up")),
    "expired": ("stopped", _("expired")),
    "revoked": ("stopped", _("revoked")),
}


def usual_day() -> Any:
    return timezone.localdate() + USUAL


class InviteForm(forms.ModelForm):  # type: ignore[type-arg]
    expires = forms.DateField(
        label=_("Last day"),
        initial=usual_day,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    class Meta:
        model = Invite
        fields = ("note", "email", "uses", "expires", "groups")
        widgets = {"groups": forms.CheckboxSelectMultiple}

    by: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups: Any = self.fields["groups"]
        groups.queryset = invites.groups_for(self.by).order_by("name")
        groups.help_text = _(
            "Whoever accepts becomes a member of these. You see those that may do no "
            "more than you may."
        )

    def clean_expires(self) -> Any:
        end = end_of(self.cleaned_data["expires"])
        if not timedelta() < end - timezone.now() <= LONGEST:
            raise forms.ValidationError(_("Choose a day within a year."))
        return end

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("email") and given.get("uses", 1) > 1:
            self.add_error("uses", _("One address makes one account."))
        return given


@admin.register(Invite)
class InviteAdmin(ReadOnlyAdmin[Invite]):
    list_display = ("name", "state", "count", "joined", "email", "until", "made_by")
    list_select_related = ("made_by",)
    ordering = ("-id",)
    search_fields = ("note", "email", "made_by__username")
    search_help_text = _("Note, e-mail address, or who made it.")
    actions = ("revoke_selected",)
    fields = (
        *("note", "state", "count", "email", "groups"),
        *("expires", "made_by", "created", "revoked"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("note"))
    def name(self, row: Invite) -> str:
        return str(row)

    @admin.display(description=_("state"))
    def state(self, row: Invite) -> str:
        return pill(*STATES[row.state])

    @admin.display(description=_("accounts made"))
    def count(self, row: Invite) -> str:
        return f"{row.used} / {row.uses}"

    @admin.display(description=_("groups"), empty_value="")
    def joined(self, row: Invite) -> str | None:
        return ", ".join(group.name for group in row.groups.all()) or None

    @admin.display(description=_("until"))
    def until(self, row: Invite) -> str:
        return moment(row.expires)

    # Making one

    def changeform_view(self, *place: Any, **more: Any) -> HttpResponse:
        """The writer's turn before Django's own transaction: the other way round, this
        one and a checkpoint would wait for each other."""
        with write():
            answer: HttpResponse = super().changeform_view(*place, **more)
            return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who came by it is in the log: it stays."""
        return False

    def get_form(
        self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            form = type("InviteForm", (InviteForm,), {"by": request.user})
            kwargs |= {"form": form, "fields": InviteForm.Meta.fields}
        return super().get_form(request, obj, change, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any, **more: Any) -> Any:
        """Without the link to add a group."""
        more["widget"] = forms.CheckboxSelectMultiple
        return db_field.formfield(**more)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return InviteForm.Meta.fields if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.fields

    def save_model(
        self, request: HttpRequest, obj: Invite, form: Any, change: bool
    ) -> None:
        given = dict(form.cleaned_data)
        row, token = invites.make(request.user, given.pop("groups"), **given)
        vars(obj).update(vars(row), shown_once=token)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        """Made with the row."""

    def response_add(
        self, request: HttpRequest, obj: Invite, post_url_continue: str | None = None
    ) -> HttpResponse:
        """In this answer and never again: no message and no session keeps it."""
        path = reverse("invite", args=[vars(obj)["shown_once"]])
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new invitation"),
            "opts": self.opts,
            "row": obj,
            "link": request.build_absolute_uri(path),
        }
        response = TemplateResponse(request, "admin/chat/invite/made.html", context)
        add_never_cache_headers(response)
        return response

    # Revoking

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "change")

    @admin.action(
        description=_("Revoke the selected invitations"), permissions=["revoke"]
    )
    def revoke_selected(self, request: HttpRequest, queryset: Any) -> None:
        count = invites.revoke(queryset, request.user)
        told = ngettext(
            "%(count)d invitation was revoked. Its link leads nowhere.",
            "%(count)d invitations were revoked. Their links lead nowhere.",
            count,
        )
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, told % {"count": count}, level)
