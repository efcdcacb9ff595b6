"""Ask, and read the answer: `/api/chat`, `/api/generations`, `/api/messages`.

The views are synchronous and return at once, after their one transaction: a stream,
or a response that comes later. Both go on in the event loop, without a thread.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from ninja import Header, Router

from .. import generations, present
from ..asking import Ask
from ..errors import ChatError, NotFoundError
from ..limits.offered import model_for, usual_for
from ..models import Generation, Message
from ..records import load
from .auth import caller_of
from .complete import completed
from .document import events
from .schemas import AnswerIn, ChatIn, EditIn
from .shown import ChatOut, ErrorOut, GenerationOut
from .stream import begun, event_stream

router = Router(tags=["chat"])

MAX_KEY = 200
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=MAX_KEY,
        description="The same key again returns the same generation.",
    ),
]
EVENTS = events(
    "Resume with Last-Event-ID at /api/generations/{id}/stream.",
    *("start", "queued", "delta", "snapshot", "step", "done", "error"),
)
STARTED: dict[str, Any] = {
    "description": "With `Prefer: respond-async`: the data of the `start` event. The "
    "answer is watched elsewhere.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
FINISHED = {"description": "It is finished, and nothing follows the cursor."}
FOLLOWS: dict[str, Any] = {"responses": {"200": EVENTS, "204": FINISHED}}
STARTS: dict[str, Any] = {"responses": {"200": EVENTS, "202": STARTED}}


def ask_for(body: AnswerIn, key: str | None) -> Ask:
    """The model, if one is named, and the parameters as they are stored."""
    return Ask(body.model or "", body.params.stored(), key)


def ask_on(user: Any, seen: Message, body: AnswerIn, key: str | None) -> Ask:
    """As `seen` was asked for, but for what the body says. Its limit is used up."""
    job: Generation | None = getattr(seen, "generation", None)
    had = usual_for(user, job.model if job is not None else "")
    info = model_for(user, body.model or had)
    ask = Ask(info.id, body.params.stored(), key)
    if job is not None and "params" not in body.model_fields_set:
        params = {name: job.params[name] for name in job.params if name != "max_tokens"}
        ask = replace(ask, params=params)
    if not info.continues:
        raise ChatError(
            _("This model cannot continue a text. Ask for another answer instead."),
            code="model_cannot_continue",
            field="model",
        )
    return ask


def start(request: HttpRequest, body: ChatIn, key: str | None) -> Generation:
    return generations.start(
        caller_of(request),
        ask_for(body, key),
        body.prompt,
        conversation=body.conversation,
        parent=body.parent,
        system_prompt=body.system_prompt,
    )


@router.post(
    "/chat", response={200: ChatOut, 400: ErrorOut, 429: ErrorOut, 503: ErrorOut}
)
def chat(
    request: HttpRequest, body: ChatIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """Ask, and get the whole answer as JSON when it is complete."""
    return completed(start(request, body, key), present.answer)


@router.post("/chat/stream", openapi_extra=STARTS)
def chat_stream(
    request: HttpRequest, body: ChatIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """Ask, and watch the answer come."""
    return begun(request, start(request, body, key))


@router.post("/messages/{uuid:message}/regenerate", openapi_extra=STARTS)
def regenerate(
    request: HttpRequest,
    message: UUID,
    body: AnswerIn | None = None,
    key: IdempotencyKey = None,
) -> HttpResponseBase:
    """Another answer to the same question, as a sibling of this one."""

    ask = ask_for(body or AnswerIn(), key)
    again = generations.regenerate(caller_of(request), message, ask)
    return begun(request, again)


@router.post("/messages/{uuid:message}/continue", openapi_extra=STARTS)
def go_on(
    request: HttpRequest,
    message: UUID,
    body: AnswerIn | None = None,
    key: IdempotencyKey = None,
) -> HttpResponseBase:
    """Continue an answer that was stopped, failed, or reached its length limit.

    A sibling of it that begins with its text: the stream with a snapshot of that. By
    the same model with the same parameters, unless the body says otherwise; the
    length limit counts what is new.
    """
    user = caller_of(request)
    ask = ask_on(user, generations.unfinished(user, message), body or AnswerIn(), key)
    return begun(request, generations.go_on(user, message, ask))


@router.post("/messages/{uuid:message}/edit", openapi_extra=STARTS)
def edit(
    request: HttpRequest, message: UUID, body: EditIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """Another version of a question, with its own answer."""
    ask = ask_for(body, key)
    again = generations.edit(caller_of(request), message, body.prompt, ask)
    return begun(request, again)


@router.get("/generations/{uuid:generation}", response=GenerationOut)
def get_generation(request: HttpRequest, generation: UUID) -> dict[str, Any]:
    return present.generation(owned(request, generation))


@router.post("/generations/{uuid:generation}/stop", response=GenerationOut)
def stop_generation(request: HttpRequest, generation: UUID) -> dict[str, Any]:
    """End it. What was written is kept. Stopping twice is the same as once."""
    return present.generation(generations.stop(caller_of(request), generation))


@router.get("/generations/{uuid:generation}/stream", openapi_extra=FOLLOWS)
def stream_generation(
    request: HttpRequest,
    generation: UUID,
    after: str | None = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> HttpResponseBase:
    """What follows the cursor; 204 when it is finished and nothing follows."""
    cursor = parse_cursor(last_event_id, after)
    row = owned(request, generation)
    if not row.is_live and cursor >= row.last_seq:
        return HttpResponse(status=204)
    return event_stream(row, cursor)


def parse_cursor(last_event_id: str | None, after: str | None) -> int:
    """The header a reconnecting client sends is newer than the address it used."""
    value = last_event_id or after or "0"
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise ChatError(
            _("The cursor is the id of the last event you have seen: a number."),
            code="invalid_cursor",
            field="Last-Event-ID" if last_event_id else "after",
        )
    return int(value)


def owned(request: HttpRequest, pk: UUID) -> Generation:
    rows = Generation.objects.owned_by(caller_of(request))
    if not rows.filter(pk=pk).exists():
        raise NotFoundError("generation")
    return load(pk)
