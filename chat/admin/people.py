"""Users, as Django has them; that staff deleted one is in the audit log."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect

from .. import accounts, holds
from ..errors import ChatError
from ..models import Conversation

admin.site.unregister((User, EmailAddress, SocialAccount, SocialApp, SocialToken))

SECONDS = 5.0
"""So long a request erases; then a chore goes on."""


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]  # it takes none when it runs
    # Deleting is erasing (`chat.accounts`), outside of Django's one transaction.

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
            gone = accounts.erase(row, request.user, max(0, end - time.monotonic()))
            left += not gone
        if left:
            text = _("There is much to erase: the rest goes in the background.")
            messages.info(request, text)
