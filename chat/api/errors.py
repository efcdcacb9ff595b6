"""Errors of the native API: `{"error": {"code", "message", "field"?}}`."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from ..errors import BusyError, ChatError, NotFoundError

logger = logging.getLogger(__name__)

UNAVAILABLE_SECONDS = 2

CODES = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    500: "internal_error",
}


def render(error: ChatError) -> JsonResponse:
    body: dict[str, str] = {"code": error.code, "message": str(error.message)}
    if error.field:
        body["field"] = error.field
    return JsonResponse({"error": body}, status=error.status, headers=error.headers)


def plain(status: int, message: str) -> JsonResponse:
    code = CODES.get(status, CODES[400 if status < 500 else 500])
    return render(ChatError(message, code=code, status=status))


def unavailable(error: Exception) -> JsonResponse:
    """The database does not answer. With an `Idempotency-Key`, trying again is safe."""
    logger.warning("database unavailable: %s", error)
    return render(
        BusyError(
            _("The database does not answer. Try again soon."),
            code="unavailable",
            after=UNAVAILABLE_SECONDS,
        )
    )


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Below `/api/`: no page is rendered, and none has to be there."""
    return plain(404, _("There is nothing at this address."))


def from_validation(error: ValidationError) -> ChatError:
    """The first thing that is wrong, with the path to its field."""
    first = error.errors[0]
    path: list[Any]
    source, *path = first.get("loc") or ("",)
    # The first part of a body's path is the view's name for it. Parts with a
    # bracket are pydantic's names for the alternatives of a type.
    named = path[1:] if source == "body" else path
    field = ".".join(str(part) for part in named if "[" not in str(part))
    message = first.get("msg", _("The request is not valid."))
    return ChatError(message, code=_code(first), field=field or None)


def _code(first: dict[str, Any]) -> str:
    return {"missing": "missing", "extra_forbidden": "unknown_field"}.get(
        str(first.get("type")), "invalid_value"
    )


def install(api: NinjaAPI) -> None:
    """Make every failure below `api` answer in the contract's shape."""

    @api.exception_handler(ChatError)
    def known(request: HttpRequest, error: ChatError) -> HttpResponse:
        return render(error)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return render(from_validation(error))

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return render(NotFoundError())

    @api.exception_handler(HttpError)
    def http(request: HttpRequest, error: HttpError) -> HttpResponse:
        if error.status_code == 400:
            text = _("The body is not valid JSON.")
            return render(ChatError(text, code="invalid_json"))
        return plain(error.status_code, str(error))

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def away(request: HttpRequest, error: Exception) -> HttpResponse:
        return unavailable(error)

    @api.exception_handler(Exception)
    def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("%s %s", request.method, request.path, exc_info=error)
        return plain(500, _("Something went wrong on our side. Try again."))
