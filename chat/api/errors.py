"""Errors of the native API: `{"error": {"code", "message", "field"?}}`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from ..errors import BusyError, ChatError, NotFoundError
from ..privacy import holds

logger = logging.getLogger(__name__)

UNAVAILABLE_SECONDS = 2
Render = Callable[[HttpRequest, ChatError], HttpResponse]
"""How a dialect says what is wrong."""

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


def as_native(request: HttpRequest, error: ChatError) -> HttpResponse:
    return render(error)


def plain(status: int, message: str) -> ChatError:
    code = CODES.get(status, CODES[400 if status < 500 else 500])
    return ChatError(message, code=code, status=status)


def unavailable(error: Exception) -> ChatError:
    """The database does not answer. With an `Idempotency-Key`, trying again is safe."""
    logger.warning("database unavailable: %s", error)
    return BusyError(
        _("The database does not answer. Try again soon."),
        code="unavailable",
        after=UNAVAILABLE_SECONDS,
    )


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Below the APIs: no page is rendered, and none has to be there. The middleware
    says it in the dialect's own words."""
    return HttpResponse(status=404)


def from_validation(error: ValidationError) -> ChatError:
    """The first thing that is wrong, with the path to its field."""
    first = error.errors[0]
    path: list[Any]
    source, *path = first.get("loc") or ("",)
    # The first part of a body's path is the view's name for it. Parts with a
    # bracket are pydantic's names for the alternatives of a type.
    named = path[1:] if source == "body" else path
    field = ".".join(str(part) for part in named if "[" not in str(part))
    message = str(first.get("msg", _("The request is not valid.")))
    message = message.removeprefix("Value error, ")
    return ChatError(message, code=_code(first), field=field or None)


def _code(first: dict[str, Any]) -> str:
    return {"missing": "missing", "extra_forbidden": "unknown_field"}.get(
        str(first.get("type")), "invalid_value"
    )


def install(api: NinjaAPI, render: Render = as_native) -> None:
    """Make every failure below `api` answer in its dialect's shape."""

    @api.exception_handler(ChatError)
    def known(request: HttpRequest, error: ChatError) -> HttpResponse:
        return render(request, error)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return render(request, from_validation(error))

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return render(request, NotFoundError())

    @api.exception_handler(HttpError)
    def http(request: HttpRequest, error: HttpError) -> HttpResponse:
        if error.status_code == 400:
            text = _("The body is not valid JSON.")
            return render(request, ChatError(text, code="invalid_json"))
        return render(request, plain(error.status_code, str(error)))

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def away(request: HttpRequest, error: Exception) -> HttpResponse:
        return render(request, unavailable(error))

    @api.exception_handler(IntegrityError)
    def refused(request: HttpRequest, error: IntegrityError) -> HttpResponse:
        if holds.is_refusal(error):
            return render(request, holds.refusal())
        return unexpected(request, error)

    @api.exception_handler(Exception)
    def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("%s %s", request.method, request.path, exc_info=error)
        text = _("Something went wrong on our side. Try again.")
        return render(request, plain(500, text))
