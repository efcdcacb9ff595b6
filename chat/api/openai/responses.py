"""`/v1/responses`: create, in the background too; read, resume, cancel, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router

from ... import calls, generations
from ...engines.registry import can
from ...errors import ChatError, NotFoundError
from ...events import Snapshot
from ...follow import end_of, reread
from ...later import LaterResponse
from ...models import Generation
from ...privacy import removal
from ...records import load
from ...running import process
from ..auth import caller_of
from ..chat import IdempotencyKey
from ..document import event_stream
from ..headers import tell
from ..stream import EventStream
from ..told import told
from ..whole import whole
from .answers import DeletedResponse, OpenAIResponse
from .errors import as_openai
from .outputs import Names, response
from .response_events import stream
from .response_schemas import ResponseIn, together

router = Router(tags=["OpenAI"])
EVENTS = event_stream("The response, or its events as they come.")
STOP_SECONDS = 5.0
"""How long a cancelled response may take to end before it is shown as it is."""


def start(request: HttpRequest, body: ResponseIn, key: str | None) -> Generation:
    user = caller_of(request)
    ask = body.asked(user, key)
    given = told(body.messages(), "input", tools=can(ask.model, "tools"))
    system = [text for text in (body.instructions, given.system_prompt) if text]
    messages = together(given.messages)
    if body.previous_response_id:
        row = owned(request, body.previous_response_id, "previous_response_id")
        before = calls.history_of(row)
        messages = [*before.messages, *messages]
        system = system or [before.system_prompt]
    brought = calls.Told("\n\n".join(system), messages)
    row = calls.start(user, ask, brought, "input")
    return load(row.pk)


@router.post("/responses", response=OpenAIResponse, openapi_extra=EVENTS)
def create_response(
    request: HttpRequest, body: ResponseIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    row = start(request, body, key)
    if body.stream:
        return EventStream(stream(row), row)
    if body.background:
        return named(JsonResponse(response(row)), row)

    async def complete() -> HttpResponse:
        try:
            end = await whole(row)
        except ChatError as error:
            failed = await reread(row)
            if failed.status != "failed":
                return as_openai(request, error)
            return JsonResponse(response(failed, said_by(failed)))
        return JsonResponse(response(end.row, end.said))

    return named(LaterResponse(complete), row)


@router.get("/responses/{name}", response=OpenAIResponse, openapi_extra=EVENTS)
def get_response(
    request: HttpRequest,
    name: str,
    stream_it: Annotated[bool, Query(alias="stream")] = False,
    starting_after: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
) -> HttpResponseBase:
    """As it is now; or its events behind a number, to its end."""
    row = owned(request, name)
    if stream_it:
        after = -1 if starting_after is None else starting_after
        return EventStream(stream(row, after), row)
    return named(JsonResponse(response(row, said_by(row))), row)


@router.post("/responses/{name}/cancel", response=OpenAIResponse)
def cancel_response(request: HttpRequest, name: str) -> HttpResponseBase:
    """What was written is kept. Cancelling twice is the same as once."""
    row = generations.stop(caller_of(request), owned(request, name).pk)

    async def complete() -> HttpResponse:
        ended = row
        if row.is_live:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    ended = await end_of(process.current().tape, row)
            except TimeoutError:
                ended = await reread(row)
        return JsonResponse(response(ended, said_by(ended)))

    return named(LaterResponse(complete), row)


@router.delete("/responses/{name}", response=DeletedResponse)
def delete_response(request: HttpRequest, name: str) -> dict[str, Any]:
    """With what was asked; if it is still being written, that ends."""
    row = owned(request, name)
    removal.discard([row.conversation_id], caller_of(request))
    return {"id": Names(row.pk.hex).response, "object": "response", "deleted": True}


def said_by(row: Generation) -> Snapshot:
    """All of it, of a live one as of its last checkpoint."""
    return row.said if row.is_live else row.message.said


def named(answer: Any, row: Generation) -> HttpResponseBase:
    response: HttpResponseBase = answer
    tell(response, row)
    return response


def owned(request: HttpRequest, name: str, field: str = "response_id") -> Generation:
    """The caller's own call of this name; what is not theirs is not there."""
    try:
        pk = UUID(name.removeprefix("resp_"))
    except ValueError as error:
        raise NotFoundError(field) from error
    rows = Generation.objects.owned_by(caller_of(request))
    if not rows.filter(pk=pk, conversation__source="api", store=True).exists():
        raise NotFoundError(field)
    return load(pk)
