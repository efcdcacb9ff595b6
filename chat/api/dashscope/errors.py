"""Flat errors: `{"code", "message", "request_id"}`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from ...errors import ChatError
from ...events import Failed

STATUSES = {"model_not_found": 404}
BY_CODE = {
    "model_not_found": "ModelNotFound",
    "model_not_allowed": "Model.AccessDenied",
    "unsupported_parameter": "InvalidParameter.NotSupported",
    "context_too_long": "InvalidParameter.InputTooLong",
    "prompt_too_long": "InvalidParameter.InputTooLong",
    "rate_limited": "Throttling.RateQuota",
    "user_queue_full": "Throttling.RateQuota",
    "daily_tokens_used": "Throttling.AllocationQuota",
    "monthly_tokens_used": "Throttling.AllocationQuota",
    "key_expired": "InvalidApiKey.Expired",
    "content_filter": "DataInspectionFailed",
    "scope_missing": "AccessDenied.ScopeMissing",
}
BY_STATUS = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "InvalidParameter.TooLarge",
    415: "InvalidParameter.ContentType",
    429: "Throttling",
    503: "ServiceUnavailable",
}


def as_dashscope(request: HttpRequest, error: ChatError) -> HttpResponse:
    status = STATUSES.get(error.code, error.status)
    message = str(error.message)
    if error.field:
        message = f"{error.field}: {message}"
    said = {
        "code": code_of(error.code, status),
        "message": message,
        "request_id": getattr(request, "id", ""),
    }
    return JsonResponse(said, status=status, headers=error.headers)


def code_of(code: str, status: int) -> str:
    return BY_CODE.get(code) or BY_STATUS.get(status, "InternalError")


def status_of(failed: Failed) -> int:
    if failed.code in ("context_too_long", "engine_refused", "content_filter"):
        return 400
    return 503 if failed.retryable else 500
