"""How large a body may be: small, but where files are brought."""

from __future__ import annotations

from django.conf import settings

MEGABYTE = 1_048_576
FILES = "/api/import"


def takes_files(path: str) -> bool:
    """Only from callers who are known: nobody else fills our disk."""
    return path == FILES


def limit_of(path: str) -> int:
    """Bytes."""
    if takes_files(path):
        return int(settings.CHAT_MAX_IMPORT_MB * MEGABYTE)
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
