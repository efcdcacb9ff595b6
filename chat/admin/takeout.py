"""A user's data as a file, for staff who may read it, and for a reason."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import exporting
from ..download import Download
from ..models import Picture
from ..privacy import audit, review
from .privacy import ReasonForm


def may_take(admin: Any, request: HttpRequest) -> bool:
    """All of it is in the file: so all of it has to be readable."""
    may = admin.has_view_permission(request) and review.may_review_all(request.user)
    return bool(may)


def takeout(admin: Any, request: HttpRequest, pk: int) -> HttpResponseBase:
    """First a page that asks why, then the file: as ZIP, if there are pictures."""
    if not may_take(admin, request):
        raise PermissionDenied
    user = get_object_or_404(User, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        why = form.cleaned_data["reason"]
        action = audit.Action.EXPORTED
        audit.record(request.user, action, user, whose=user.pk, reason=why)
        name = f"user-{user.pk}-{timezone.localdate():%Y-%m-%d}"
        if Picture.objects.filter(owner=user).exists():
            parts = exporting.whole_as_zip(user, for_staff=True)
            return Download(parts, f"{name}.zip", "application/zip")
        parts = exporting.whole_as_json(user, for_staff=True)
        return Download(parts, f"{name}.json", "application/json")
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Export everything of %(name)s") % {"name": user},
        "opts": admin.opts,
        "media": admin.media,
        "form": form,
    }
    return TemplateResponse(request, "admin/chat/user/export.html", context)
