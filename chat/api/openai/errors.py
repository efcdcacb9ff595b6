"""`{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from math import ceil
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from ...errors import BusyError, ChatError
from ...events import Failed

CODES = {
    "unauthenticated": "invalid_api_key",
    "queue_full": "rate_limit_exceeded",
    "user_queue_full": "rate_limit_exceeded",
    "rate_limited": "rate_limit_exceeded",
    "daily_tokens_used": "insufficient_quota",
    "monthly_tokens_used": "insufficient_quota",
}
STATUSES = {"model_not_found": 404}
LONGEST_RETRY_SECONDS = 120
"""Newer SDKs do not wait longer by themselves, older ones do."""
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
    code = CODES.get(error.code, error.code)
    kind = code if code == "insufficient_quota" else kind_of(status)
    said = body(str(error.message), kind, code, error.field)
    headers = error.headers | waits(error)
    return JsonResponse(said, status=status, headers=headers)


def waits(error: ChatError) -> dict[str, str]:
    """How long, as the SDKs read it first; what takes hours they are not to repeat."""
    if not isinstance(error, BusyError):
        return {}
    if error.after > LONGEST_RETRY_SECONDS:
        return {"x-should-retry": "false"}
    return {"retry-after-ms": str(max(1, ceil(error.after * 1000)))}


def in_stream(failed: Failed) -> Any:
    return body(failed.message, "server_error", failed.code)
