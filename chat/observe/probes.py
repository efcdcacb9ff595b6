"""`/healthz` (the process lives) and `/readyz` (it can answer)."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from ..running import process


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """What is wrong with database, tape and engine; 503 when anything is."""
    parts = problems()
    found = {name: problem for name, problem in parts.items() if problem}
    body = {name: problem or "ok" for name, problem in parts.items()}
    response = JsonResponse({"ready": not found, **body}, status=503 if found else 200)
    # Not being ready yet is an answer, not an error for the log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def problems() -> dict[str, str | None]:
    """What is wrong with each part that it needs; None where nothing is."""
    return {"database": database(), "tape": tape(), "engine": engine()}


def database() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM chat_generation LIMIT 1")
    except DatabaseError as error:
        return f"{type(error).__name__}: is it up, and migrated?"
    return None


def tape() -> str | None:
    try:
        return process.current().tape.problem
    except RuntimeError as error:
        return str(error)


def engine() -> str | None:
    try:
        return process.current().engines.problem
    except RuntimeError as error:
        return str(error)
