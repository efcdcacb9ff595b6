"""`{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from ...errors import ChatError
from ...events import Failed

CODES = {"unauthenticated": "invalid_api_key", "queue_full": "rate_limit_exceeded"}
STATUSES = {"model_not_found": 404}
TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def body(message: str, kind: str, code: str | None, param: str | None = None) -> Any:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def kind_of(status: int) -> str:
    return TYPES.get(status, "server_error" if status >= 500 else INVALID)


INVALID = "invalid_request_error"


def as_openai(request: HttpRequest, error: ChatError) -> HttpResponse:
    status = STATUSES.get(error.code, error.status)
    said = body(
        str(error.message),
        kind_of(status),
        CODES.get(error.code, error.code),
        error.field,
    )
    return JsonResponse(said, status=status, headers=error.headers)


def in_stream(failed: Failed) -> Any:
    return body(failed.message, "server_error", failed.code)
