"""`/api/export`, `/api/import`: take everything along, bring it from elsewhere.

Both may take minutes. Neither holds a thread or a database connection for so long:
`chat.database.in_bulk` does a step at a time, for all who wait, one after the other.
"""

from __future__ import annotations

import asyncio
import re
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any, Literal, TypeVar, cast
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.http import (
    HttpRequest,
    HttpResponse,
    JsonResponse,
)
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from ninja import Router

from .. import exporting, importing
from ..database import in_bulk
from ..download import Download
from ..errors import ChatError, ConflictError
from ..importing import Report
from ..later import LaterResponse
from ..privacy import audit
from ..privacy.audit import Action
from .auth import caller_of
from .conversations import owned
from .errors import render, unavailable
from .shown import ErrorOut, ImportOut

router = Router(tags=["export and import"])

AT_ONCE = 2
"""Exports and imports of one user in this process."""
BUSY = {"description": "Enough of the caller's exports and imports are under way."}
FILE: dict[str, Any] = {
    "responses": {
        "200": {
            "description": "A file, as it is written.",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/markdown": {"schema": {"type": "string"}},
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        "409": BUSY,
    }
}
BODY: dict[str, Any] = {
    "responses": {"409": BUSY},
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}
_working: Counter[int] = Counter()
R = TypeVar("R")


def one_of_few(user: Any, response: R) -> R:
    """Refuse what is one too many; it counts until the response is gone, whatever
    becomes of it: sent, broken off, or never begun."""
    if _working[user.pk] >= AT_ONCE:
        raise ConflictError(
            _("You are already exporting or importing. Wait until that has ended."),
            code="already_running",
        )
    _working[user.pk] += 1
    weakref.finalize(response, _ended, user.pk)
    return response


def _ended(user: int) -> None:
    _working[user] -= 1
    if _working[user] <= 0:
        del _working[user]


@router.get("/export", openapi_extra=FILE)
def export_all(
    request: HttpRequest, format: Literal["json", "zip"] = "json"
) -> Download:
    """All of the caller's data as one JSON document; as ZIP, with the pictures."""
    user = caller_of(request)
    name = f"chatsite-{timezone.localdate():%Y-%m-%d}.{format}"
    write, content_type = {
        "json": (exporting.whole_as_json, "application/json"),
        "zip": (exporting.whole_as_zip, "application/zip"),
    }[format]
    response = one_of_few(user, Download(write(user), name, content_type))
    audit.record(user, Action.EXPORT, user, whose=user.pk)
    return response


@router.get("/conversations/{uuid:conversation}/export", openapi_extra=FILE)
def export_one(
    request: HttpRequest,
    conversation: UUID,
    format: Literal["markdown", "json", "zip"] = "json",
) -> Download:
    """One conversation: JSON with all its branches, or its active path as Markdown; as
    ZIP, both with the pictures."""
    row = owned(request, conversation)
    audit.record(caller_of(request), Action.EXPORT, row, whose=row.owner_id)
    name = filename(row.title)
    if format == "markdown":
        parts = exporting.one_as_markdown(row)
        return Download(parts, f"{name}.md", "text/markdown; charset=utf-8")
    if format == "zip":
        return Download(exporting.one_as_zip(row), f"{name}.zip", "application/zip")
    parts = exporting.one_as_json(row.pk)
    return Download(parts, f"{name}.json", "application/json")


def filename(title: str) -> str:
    """Letters of any script, digits and hyphens: safe on every file system."""
    words = re.sub(r"[^\w]+", "-", title).strip("-_")
    return words[:60].strip("-_") or "conversation"


@router.post("/import", response={200: ImportOut, 400: ErrorOut}, openapi_extra=BODY)
def import_file(request: HttpRequest) -> LaterResponse:
    """Conversations from an export of Chatsite, ChatGPT (`conversations.json`) or
    Open WebUI: the file itself is the body.

    The same file twice changes nothing. What cannot be taken is listed under
    `problems`; if that is everything, the answer is 400.
    """
    work = importing.run(caller_of(request), cast("IO[bytes]", request))
    language = translation.get_language() or "en"

    async def finish() -> HttpResponse:
        with translation.override(language):
            return await answer(work, language)

    user = caller_of(request)
    response = one_of_few(user, LaterResponse(finish))
    audit.record(user, Action.IMPORT, user, whose=user.pk)
    return response


async def answer(work: Iterator[Report], language: str) -> HttpResponse:
    report = Report()
    try:
        while (step := await next_step(work, language)) is not None:
            report = step
    except ChatError as error:
        return render(error)
    except (OperationalError, InterfaceError) as error:
        return render(unavailable(error))
    fields = ("imported", "unchanged", "messages", "skipped", "problems")
    return JsonResponse({name: getattr(report, name) for name in fields})


async def next_step(work: Iterator[Report], language: str) -> Report | None:
    """The body is closed when the client is gone: a step that has begun ends first."""

    def step() -> Report | None:
        with translation.override(language):
            return next(work, None)

    running = asyncio.ensure_future(in_bulk(step))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
