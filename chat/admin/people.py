"""Users, as Django has them; that staff deleted one, or took a second factor away, is
in the audit log."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_protect

from ..database import write
from ..errors import ChatError
from ..models import Conversation
from ..people import accounts
from ..privacy import holds
from ..signin import two_factor
from .takeout import may_take, takeout

admin.site.unregister((User, EmailAddress, Authenticator))
admin.site.unregister((SocialAccount, SocialApp, SocialToken))

POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")
SECONDS = 5.0
"""So long a request erases; then a chore goes on."""


def may_touch(request: HttpRequest, row: Any) -> bool:
    """Superusers and other staff are for superusers to change."""
    powerful = row is not None and (row.is_staff or row.is_superuser)
    return not powerful or row.pk == request.user.pk or request.user.is_superuser


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]  # it takes none when it runs
    actions = ("remove_two_factor",)
    change_form_template = "admin/chat/user/change_form.html"

    class Media:
        css = {"all": ("admin_chat/admin.css", "admin_chat/transcript.css")}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(takeout, self))
        return [
            path("<int:pk>/export/", view, name="auth_user_export"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        held = row is not None and holds.on(row).exists()
        more = {
            "may_take": may_take(self, request),
            "may_hold": request.user.has_perm("chat.add_hold") and not held,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, more)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        if not self.has_two_factor_permission(request):
            return rows
        theirs = Authenticator.objects.filter(user=OuterRef("pk"))
        return rows.annotate(has_second_factor=Exists(theirs))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """What the list offers, and no question about what else belongs to a user."""
        return lookup.split("__")[0] in (*self.list_filter, "id")

    # Nobody gives away what they have not: staff who may change users make no staff,
    # and change no superuser, whose password would open everything.

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        usual = super().get_readonly_fields(request, obj)
        return usual if request.user.is_superuser else (*usual, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and may_touch(request, obj)

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        """The address that staff give is the one there is: an earlier one, which is
        perhaps somebody else's by now, opens nothing any more."""
        with write():
            super().save_model(request, obj, form, change)
            if change and "email" in form.changed_data:
                EmailAddress.objects.filter(user=obj).delete()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Who can be had by a password alone is for superusers to know."""
        usual = super().get_list_display(request)
        may = self.has_two_factor_permission(request)
        return (*usual, "second_factor") if may else usual

    @admin.display(description=gettext_lazy("two-factor"), boolean=True)
    def second_factor(self, row: Any) -> bool:
        return bool(row.has_second_factor)

    def has_two_factor_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    @admin.action(
        description=gettext_lazy("Remove the second factor of the selected users"),
        permissions=["two_factor"],
    )
    def remove_two_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = len(two_factor.remove(request.user, queryset))
        told = ngettext(
            "%(count)d user signs in by the password alone now.",
            "%(count)d users sign in by the password alone now.",
            count,
        )
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, told % {"count": count}, level)

    # Deleting is erasing (`chat.people.accounts`), outside of Django's one transaction.
    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            page: Any = csrf_protect(self._delete_view)  # type: ignore[attr-defined]
            answer: HttpResponse = page(request, object_id, extra_context)
            return answer
        except ChatError as error:
            messages.error(request, str(error.message))
            return redirect("admin:auth_user_changelist")

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Numbers, instead of every row; and what holds keep."""
        rows = list(objs)
        people: dict[Any, Any] = {"owner__in": [row.pk for row in rows]}
        theirs = Conversation.objects.filter(**people).count()
        named = Conversation._meta.verbose_name_plural
        counts = {self.opts.verbose_name_plural: len(rows), named: theirs}
        may = request.user.has_perm("chat.delete_conversation")
        lacking = {named} if theirs and not may else set()
        held = [row for row in rows if holds.on(row).exists()]
        kept = [_("Legal hold: %(name)s") % {"name": row} for row in held]
        kept += [str(row) for row in rows if not may_touch(request, row)]
        return [str(row) for row in rows], counts, lacking, kept

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Django's log would keep the names; the audit log tells of it."""
        return []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self.delete_queryset(request, User.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        end = time.monotonic() + SECONDS
        left = 0
        for row in queryset:
            rest = max(0, end - time.monotonic())
            left += not accounts.erase(row, request.user, rest)
        if left:
            text = _("There is much to erase: the rest goes in the background.")
            messages.info(request, text)
