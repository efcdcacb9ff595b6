"""Pictures in a transcript: for whoever may read it now, and has said why."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404

from ..models import Picture
from ..pictures.serving import served
from ..privacy import review
from . import privacy


def picture_view(
    request: HttpRequest, pk: UUID, picture: UUID, *, thumbnail: bool = False
) -> HttpResponseBase:
    """Its file. That the transcript was read, which names it, is in the audit log."""
    if not review.may_review(request.user):
        raise PermissionDenied
    place = get_object_or_404(review.readable(request.user), pk=pk)
    if review.reason_for(request.user, pk) is None:
        return privacy.ask(request, place)
    row = Picture.objects.filter(pk=picture, message__conversation=pk).first()
    if row is None:
        raise Http404
    # Not to be seen any more once the reason does not hold.
    return served(row, thumbnail=thumbnail, cache="private, no-store")
