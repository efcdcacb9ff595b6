"""What an API key needs for which call, in all dialects: decided here and nowhere else.

Whatever is not listed needs `chat`: a new call is safe until somebody says that it
only reads. Sessions are not bound by scopes.
"""

from __future__ import annotations

import re

from django.http import HttpRequest

from ..people.callers import SESSION

CONVERTER = re.compile(r"<\w+:")

READS = frozenset(
    {
        "api/conversations",
        "api/conversations/<conversation>",
        "api/conversations/<conversation>/context",
        "api/conversations/<conversation>/export",
        "api/conversations/<conversation>/messages",
        "api/export",
        "api/generations/<generation>",
        "api/generations/<generation>/stream",
        "api/images/<picture>",
        "api/images/<picture>/thumbnail",
        "api/keys",
        "api/models",
        "api/shares",
        "api/tags",
        "api/templates",
        "v1/models",
        "v1/models/<model>",
        "v1/responses/<name>",
    }
)
"""GET on these routes needs `read`. Without the types of their parameters."""

SESSIONS = frozenset(
    {
        ("POST", "api/keys"),
        ("DELETE", "api/keys/<key>"),
        ("GET", "api/settings"),
        ("PATCH", "api/settings"),
    }
)
"""A key that leaked must not make others, nor lock its owner's programs out; how pages
look is nothing to programs."""

OPEN = frozenset(
    {
        "api/",
        "api/docs",
        "api/openapi.json",
        "api/v1/",
        "api/v1/openapi.json",
        "v1/",
        "v1/openapi.json",
        "^(?:api|v1)/",
    }
)
"""The documentation, and what is not there: for everybody."""


def needed(method: str, route: str) -> str | None:
    """The scope for this call, `SESSION`, or None for what asks nobody's name.

    `route` as the resolver matched it; its parameters' types make no difference.
    """
    route = CONVERTER.sub("<", route)
    if route in OPEN:
        return None
    if (method, route) in SESSIONS:
        return SESSION
    reads = method in ("GET", "HEAD") and route in READS
    return "read" if reads else "chat"


def check(request: HttpRequest) -> None:
    """ChatError: the caller's key may not do this."""
    caller, match = getattr(request, "caller", None), request.resolver_match
    if caller is None or match is None:
        return  # a caller is asked for later, by the view
    scope = needed(request.method or "", match.route)
    if scope is not None:
        caller.require(scope)
