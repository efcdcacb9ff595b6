"""Static files, in front of Django: no thread, no middleware."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from servestatic import ServeStaticASGI

HASHED = r"^.+\.[0-9a-f]{12}\..+$"
"""What collectstatic wrote with the content's hash in its name never changes."""


def with_static_files(application: Any) -> Any:
    """`application` behind the collected files, or behind the sources in DEBUG."""
    if settings.DEBUG:
        return ASGIStaticFilesHandler(application)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    return ServeStaticASGI(
        application,
        root=str(settings.STATIC_ROOT),
        prefix=settings.STATIC_URL,
        immutable_file_test=HASHED,
    )
