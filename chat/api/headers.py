"""What the answer to a started generation says beside its body."""

from __future__ import annotations

from django.http.response import HttpResponseBase

from ..models import Generation


def headers_of(generation: Generation) -> dict[str, str]:
    """Its name for the native API, and what is left of the caller's rate limit."""
    left = generation.left.headers() if generation.left else {}
    return {"X-Generation-Id": str(generation.pk), **left}


def tell(response: HttpResponseBase, generation: Generation) -> None:
    for name, value in headers_of(generation).items():
        response.headers[name] = value
