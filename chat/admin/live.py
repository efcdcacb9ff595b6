"""What is being written right now, for everybody; and to stop it.

No word of it is shown: who asked which model, how far it is, and where it runs.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import generations
from ..models import Generation
from ..models.generation import LIVE, written
from ..privacy import audit
from .base import ReadOnlyAdmin, as_uuid

SHOWN = 200


def view(admin: ReadOnlyAdmin[Generation], request: HttpRequest) -> HttpResponse:
    """GET: a page that renews itself. POST `stop`: end the one with this id."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    may_stop = admin.may(request, "change")
    if request.method == "POST":
        if not may_stop:
            raise PermissionDenied
        wanted = as_uuid(request.POST.get("stop", ""))
        stop(get_object_or_404(Generation, pk=wanted), request.user)
        return redirect("admin:chat_generation_live")
    rows = running()
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Being answered now"),
        "opts": admin.opts,
        "media": admin.media,
        "rows": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "may_stop": may_stop,
        "now": timezone.now(),
    }
    return TemplateResponse(request, "admin/chat/generation/live.html", context)


def running() -> list[Generation]:
    """The oldest first, from the index over what is live; one more than is shown."""
    rows = Generation.objects.filter(written("status", *LIVE)).select_related("user")
    fields = ("status", "model", "attempt", "owner", "created", "started")
    told = rows.only(
        *fields, "conversation", "message", "stop_requested", "user__username"
    )
    return list(told.order_by("created")[: SHOWN + 1])


def stop(row: Generation, by: Any) -> None:
    """As its owner would: what is written so far is kept."""
    audit.record(by, audit.Action.STOPPED, row, whose=row.user_id)
    generations.halt(row.pk)
