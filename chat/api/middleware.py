"""What every API request needs before its view, in the same thread hop."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ..errors import ChatError
from ..observe import logs
from ..people.callers import of_request
from . import scopes
from .bodies import limit_of
from .dashscope.errors import as_dashscope
from .errors import Render, as_native, plain, unavailable
from .openai.errors import as_openai

DIALECTS: tuple[tuple[str, Render], ...] = (
    ("/v1/", as_openai),
    ("/api/v1/", as_dashscope),
    ("/api/", as_native),
)
WITH_BODY = ("POST", "PUT", "PATCH")
REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)


class ApiMiddleware:
    """Identify the caller and what their key may do, refuse bodies no view could
    take, and say what is not there in the dialect's own shape. Every answer carries
    the request's id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        render = dialect_of(request.path_info)
        if render is None:
            return self.get_response(request)
        request.id = request_id(request)  # type: ignore[attr-defined]
        logs.request.set(request.id)  # type: ignore[attr-defined]
        try:
            refuse_body(request)
            request.caller = of_request(request)  # type: ignore[attr-defined]
            response = explain(request, self.get_response(request), render)
        except ChatError as error:
            response = render(request, error)
        except (OperationalError, InterfaceError) as error:
            response = render(request, unavailable(error))
        response.headers["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """The address is resolved: may this key do that?"""
        render = dialect_of(request.path_info)
        if render is None:
            return None
        try:
            scopes.check(request)
        except ChatError as error:
            return render(request, error)
        return None


def dialect_of(path: str) -> Render | None:
    return next(
        (render for prefix, render in DIALECTS if path.startswith(prefix)), None
    )


def request_id(request: HttpRequest) -> str:
    """The caller's own, so that both sides' logs can be joined; else a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if REQUEST_ID.fullmatch(given) else f"req_{uuid4().hex}"


def refuse_body(request: HttpRequest) -> None:
    size = request.META.get("CONTENT_LENGTH") or "0"
    if not (size.isascii() and size.isdigit()):
        raise plain(400, _("Content-Length is not a number."))
    if int(size) > limit_of(request.path_info):
        raise plain(413, _("The request is too large."))
    has_body = request.method in WITH_BODY and int(size) > 0
    if has_body and request.content_type != "application/json":
        raise plain(415, _("Send JSON, with Content-Type: application/json."))


def explain(
    request: HttpRequest, response: HttpResponse, render: Render
) -> HttpResponse:
    """Replace the plain pages for an unknown path or method."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    if response.status_code == 404:
        return render(request, plain(404, _("There is nothing at this address.")))
    if response.status_code == 405:
        answer = render(
            request, plain(405, _("This address does not take that method."))
        )
        answer.headers["Allow"] = response.headers.get("Allow", "")
        return answer
    return response
