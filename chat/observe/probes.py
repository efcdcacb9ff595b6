"""`/healthz` (the process lives) and `/readyz` (it can answer)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from ..engines.base import ModelState
from ..running import process


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """What is wrong with database, tape and engine; 503 when anything is. And how far
    each model of this process is."""
    parts = problems()
    found = {name: problem for name, problem in parts.items() if problem}
    body: dict[str, Any] = {name: problem or "ok" for name, problem in parts.items()}
    body["models"] = {name: told(state) for name, state in states().items()}
    response = JsonResponse({"ready": not found, **body}, status=503 if found else 200)
    # Not being ready yet is an answer, not an error for the log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def told(state: ModelState) -> dict[str, Any]:
    """What there is to say: no bytes of a download that is none."""
    said = {"state": state.name, **asdict(state)}
    return {name: value for name, value in said.items() if value and name != "name"}


def states() -> dict[str, ModelState]:
    """Of the models of this process, by their ids; none where it has no engines."""
    try:
        return process.current().engines.states()
    except RuntimeError:
        return {}


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
