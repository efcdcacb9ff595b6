"""Static files, in front of Django: no thread, no middleware."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from servestatic import ServeStaticASGI

HASHED = r"^.+\.[0-9a-f]{12}\..+$"
"""What collectstatic wrote with the content's hash in its name never changes."""


class StaticFiles(ServeStaticASGI):  # type: ignore[misc]
    """Before all others, and not around them: a stream is open for minutes, and its
    frame here would be too."""

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        if scope["path"].startswith(settings.STATIC_URL):
            return super().__call__(scope, receive, send)
        return self.application(scope, receive, send)


def with_static_files(application: Any) -> Any:
    """`application` behind the collected files, or behind the sources in DEBUG."""
    if settings.DEBUG:
        return ASGIStaticFilesHandler(application)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    return StaticFiles(
        application,
        root=str(settings.STATIC_ROOT),
        prefix=settings.STATIC_URL,
        immutable_file_test=HASHED,
    )
