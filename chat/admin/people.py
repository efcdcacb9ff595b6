"""Users, as Django has them; that staff deleted one is in the audit log."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from .. import audit, holds
from ..database import write

admin.site.unregister((User, EmailAddress, SocialAccount, SocialApp, SocialToken))


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]  # it takes none when it runs
    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # Django opens a transaction here; the writers' lock has to be taken first.
        with write():
            return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django would name every conversation by its id; and holds keep people."""
        names, counts, lacking, kept = super().get_deleted_objects(objs, request)
        held = [row for row in objs if holds.on(row).exists()]
        kept += [_("Legal hold: %(name)s") % {"name": row} for row in held]
        return names, counts, lacking, kept

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        with write():
            audit.record(request.user, audit.Action.LEFT, obj, whose=obj.pk)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = {pk: pk for pk in queryset.values_list("pk", flat=True)}
        with write():
            audit.record_many(request.user, audit.Action.LEFT, "user", people)
            super().delete_queryset(request, queryset)
