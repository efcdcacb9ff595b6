"""What every API request needs before its view, in the same thread hop."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ..callers import of_request
from .errors import plain, unavailable

PREFIX = "/api/"
WITH_BODY = ("POST", "PUT", "PATCH")


class ApiMiddleware:
    """Identify the caller, refuse bodies no view could take, and say what is not
    there in the API's own shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        if (refused := refuse_body(request)) is not None:
            return refused
        try:
            request.caller = of_request(request)  # type: ignore[attr-defined]
        except (OperationalError, InterfaceError) as error:
            return unavailable(error)
        return explain(self.get_response(request))


def refuse_body(request: HttpRequest) -> HttpResponse | None:
    size = request.META.get("CONTENT_LENGTH") or "0"
    if not (size.isascii() and size.isdigit()):
        return plain(400, _("Content-Length is not a number."))
    if int(size) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return plain(413, _("The request is too large."))
    has_body = request.method in WITH_BODY and int(size) > 0
    if has_body and request.content_type != "application/json":
        return plain(415, _("Send JSON, with Content-Type: application/json."))
    return None


def explain(response: HttpResponse) -> HttpResponse:
    """Replace the plain pages for an unknown path or method."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    if response.status_code == 404:
        return plain(404, _("There is nothing at this address."))
    if response.status_code == 405:
        answer = plain(405, _("This address does not take that method."))
        answer.headers["Allow"] = response.headers.get("Allow", "")
        return answer
    return response
