"""A picture's file as a response: nothing but a picture, whatever is in it.

The type is the one that was found by decoding; browsers must not guess another one, and
where the file is opened as a page it may load and run nothing. Reading takes a thread
of its own: a storage may be far away, and requests have only eight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound

from ..later import LaterResponse
from ..models import Picture
from ..models.picture import files
from .checking import SUFFIXES

SIGNED_SECONDS = 3600
SALT = "chat.pictures"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
FRESH = "private, max-age=31536000, immutable"
"""A picture never changes; who may not see it any more may have seen it."""


def served(
    picture: Picture,
    *,
    thumbnail: bool = False,
    download: bool = False,
    cache: str = FRESH,
    gone: Callable[[], HttpResponse] = HttpResponseNotFound,
) -> LaterResponse:
    """Its file; what `gone` says if there is none."""

    async def file() -> HttpResponse:
        found = await response(picture, thumbnail=thumbnail, download=download)
        if found is not None:
            return found
        missing = gone()
        missing.headers["Cache-Control"] = "no-store"
        return missing

    later = LaterResponse(file)
    told = headers(picture, thumbnail=thumbnail, download=download)
    for name, value in {**told, "Cache-Control": cache}.items():
        later.headers[name] = value
    return later


def headers(picture: Picture, *, thumbnail: bool, download: bool) -> dict[str, str]:
    suffix = "webp" if thumbnail else SUFFIXES[picture.content_type]
    name = f"picture-{str(picture.pk)[:8]}.{suffix}"
    how = "attachment" if download else "inline"
    return {
        **HEADERS,
        "Content-Type": "image/webp" if thumbnail else picture.content_type,
        "Content-Disposition": f'{how}; filename="{name}"',
    }


def read(picture: Picture, *, thumbnail: bool = False) -> bytes:
    """Its file. Raises `FileNotFoundError`, and what its storage raises."""
    name = picture.thumbnail.name if thumbnail else picture.file.name
    with files.open(str(name)) as file:
        data: bytes = file.read()
        return data


async def response(
    picture: Picture, *, thumbnail: bool = False, download: bool = False
) -> HttpResponse | None:
    """None: the file is gone."""
    try:
        data = await asyncio.to_thread(read, picture, thumbnail=thumbnail)
    except FileNotFoundError:
        return None
    told = headers(picture, thumbnail=thumbnail, download=download)
    return HttpResponse(data, headers=told)


def signature(picture: UUID) -> str:
    """Opens its addresses for an hour, for whoever has it."""
    signed = signing.TimestampSigner(salt=SALT).sign(str(picture))
    return signed.partition(":")[2]


def signed_path(picture: Picture) -> str:
    """For clients that fetch without a key, as OpenAI's do."""
    return f"/api/images/{picture.pk}?signature={signature(picture.pk)}"


def is_signed(request: HttpRequest) -> bool:
    """Whether the address has a signature that holds, for the picture it names."""
    match, told = request.resolver_match, request.GET.get("signature")
    if match is None or not told:
        return False
    try:
        value = f"{match.kwargs.get('picture')}:{told}"
        signing.TimestampSigner(salt=SALT).unsign(value, max_age=SIGNED_SECONDS)
    except signing.BadSignature:
        return False
    return True
