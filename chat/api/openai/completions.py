"""`POST /v1/chat/completions`, `GET /v1/models`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from ninja import Router

from ... import calls
from ...engines.registry import can
from ...errors import ChatError
from ...follow import usage
from ...later import LaterResponse
from ...limits.offered import model_for, models_for
from ...models import Generation
from ..auth import caller_of
from ..chat import IdempotencyKey
from ..document import event_stream
from ..headers import tell
from ..stream import EventStream
from ..told import model_named, told
from ..whole import encoded, whole
from .answers import ChatCompletion, OpenAIModel, OpenAIModels
from .chunks import ChatChunks, completion
from .errors import as_openai
from .schemas import ChatCompletionIn

router = Router(tags=["OpenAI"])
LISTED = 1_700_000_000
"""Models have no date of their own here."""


def start(request: HttpRequest, body: ChatCompletionIn, key: str | None) -> Generation:
    user = caller_of(request)
    ask = body.asked(user, key)
    brought = told(body.messages, tools=can(ask.model, "tools"))
    return calls.start(user, ask, brought)


@router.post(
    "/chat/completions",
    response=ChatCompletion,
    openapi_extra=event_stream("The answer, or its chunks as they come."),
)
def chat_completions(
    request: HttpRequest, body: ChatCompletionIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """An answer to messages: a stream of chunks, or all of it."""
    generation = start(request, body, key)
    name = f"chatcmpl-{generation.pk.hex}"
    created = int(generation.created.timestamp())
    if body.stream:
        options = body.stream_options
        chunks = ChatChunks(
            name,
            generation.model,
            created,
            include_usage=options is not None and options.include_usage,
        )
        return EventStream(encoded(generation, chunks), generation)

    async def complete() -> HttpResponse:
        try:
            end = await whole(generation)
        except ChatError as error:
            return as_openai(request, error)
        row = end.row
        reason, counts = row.finish_reason, usage(row)
        return JsonResponse(
            completion(name, row.model, created, end.said, reason, counts)
        )

    response = LaterResponse(complete)
    tell(response, generation)
    return response


def shown(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": LISTED, "owned_by": "chatsite"}


@router.get("/models", response=OpenAIModels)
def list_models(request: HttpRequest) -> dict[str, Any]:
    """Those the caller may use."""
    found = models_for(caller_of(request))
    return {"object": "list", "data": [shown(info.id) for info in found]}


@router.get("/models/{path:model}", response=OpenAIModel)
def get_model(request: HttpRequest, model: str) -> dict[str, Any]:
    """Names may have slashes in them."""
    if not model:
        raise ChatError(_("Name a model."), code="model_not_found", field="model")
    user = caller_of(request)
    return shown(model_for(user, model_named(user, model)).id)
