"""`PICTURES_URL` as one of Django's `STORAGES`."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

LOCAL = "django.core.files.storage.FileSystemStorage"
S3 = "storages.backends.s3.S3Storage"
OPTIONS = {"endpoint": "endpoint_url", "region": "region_name"}
"""Of the address, and what django-storages calls them."""


def storage(url: str) -> dict[str, Any]:
    """`file:///folder`, or `s3://bucket/prefix?endpoint=https://host&region=name`;
    ValueError: it is not of that form."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        return {"BACKEND": S3, "OPTIONS": _bucket(parts)}
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        return {"BACKEND": LOCAL, "OPTIONS": _folder(unquote(parts.path))}
    raise ValueError("begins with file:/// and a folder, or with s3:// and a bucket")


def _folder(path: str) -> dict[str, Any]:
    """For this user alone, and at no address: only views read it."""
    return {
        "location": path,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    }


def _bucket(parts: SplitResult) -> dict[str, Any]:
    """Credentials are the environment's (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, a
    profile, a role), as boto3 finds them: never in the address."""
    if parts.username or parts.password or parts.port or "@" in parts.netloc:
        raise ValueError("names a bucket only; AWS_ACCESS_KEY_ID and so on open it")
    told = parse_qs(parts.query, keep_blank_values=True)
    if unknown := set(told) - set(OPTIONS):
        raise ValueError(f"takes {', '.join(OPTIONS)}, no {', '.join(sorted(unknown))}")
    named = {OPTIONS[name]: values[-1] for name, values in told.items() if values[-1]}
    return {
        "bucket_name": parts.netloc,
        "location": unquote(parts.path).strip("/"),
        # The names are random: none is there already, and nobody has to look.
        "file_overwrite": True,
        "default_acl": None,
        **named,
    }
