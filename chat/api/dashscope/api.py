"""Text generation, put together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from ninja import Header, NinjaAPI, Schema
from pydantic import Field, StrictBool, StrictInt, field_validator

from ... import calls
from ...asking import Ask
from ...errors import ChatError
from ...follow import usage
from ...models import Generation
from .. import errors
from ..auth import authenticate, caller_of
from ..chat import IdempotencyKey
from ..later import LaterResponse
from ..schemas import Sampling, Text
from ..stream import EventStream
from ..told import (
    NO_TOOLS,
    MessageIn,
    Messages,
    check_able,
    model_named,
    told,
    unsupported,
)
from ..whole import encoded, whole
from .errors import as_dashscope
from .frames import Frames, counted, finish_reason, output

api = NinjaAPI(
    title="Chatsite, DashScope dialect",
    version="1",
    auth=authenticate,
    urls_namespace="dashscope",
    docs_url=None,
    openapi_url="/openapi.json",
)
errors.install(api, as_dashscope)


class InputIn(Schema):
    messages: Messages | None = None
    prompt: Text | None = None


class ParametersIn(Sampling):
    result_format: Literal["text", "message"] = "text"
    incremental_output: StrictBool = False
    enable_thinking: StrictBool | None = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    tools: list[Any] | None = None
    n: StrictInt | None = None

    @field_validator("top_k", mode="before")
    @classmethod
    def none_is_all(cls, value: Any) -> Any:
        """0 switches it off there."""
        return value or None


class GenerationIn(Schema):
    model: Annotated[Text | None, Field(max_length=200)] = None
    input: InputIn
    parameters: ParametersIn = ParametersIn()

    def ask(self, key: str | None) -> Ask:
        given = self.parameters
        if given.tools:
            raise unsupported("parameters.tools", NO_TOOLS)
        if given.n not in (None, 1):
            raise unsupported("parameters.n", _("One answer at a time."))
        model = model_named(self.model)
        more = {
            "thinking": given.enable_thinking,
            "presence_penalty": given.presence_penalty,
        }
        params = {k: v for k, v in more.items() if v is not None} | given.sampling()
        check_able(model, params)
        return Ask(model, params, key)

    def told(self) -> calls.Told:
        messages = self.input.messages
        if messages is None:
            messages = [MessageIn(role="user", content=self.input.prompt or "")]
        elif self.input.prompt:
            # Both: the prompt comes last.
            messages = [*messages, MessageIn(role="user", content=self.input.prompt)]
        return told(messages, "input.messages")


def start(request: HttpRequest, body: GenerationIn, key: str | None) -> Generation:
    return calls.start(caller_of(request), body.ask(key), body.told(), "input.messages")


@api.post("/services/aigc/text-generation/generation", tags=["DashScope"])
async def generate(
    request: HttpRequest,
    body: GenerationIn,
    key: IdempotencyKey = None,
    sse: Annotated[str | None, Header(alias="X-DashScope-SSE")] = None,
) -> HttpResponseBase:
    """An answer: all of it, or with `X-DashScope-SSE: enable` as a stream."""
    generation = await sync_to_async(start)(request, body, key)
    request_id: str = request.id  # type: ignore[attr-defined]
    wanted = body.parameters
    message = wanted.result_format == "message"
    if sse == "enable":
        frames = Frames(
            request_id, message=message, incremental=wanted.incremental_output
        )
        return EventStream(encoded(generation, frames), generation)

    async def complete() -> HttpResponse:
        try:
            end = await whole(generation)
        except ChatError as error:
            return as_dashscope(request, error)
        reason = finish_reason(end.row.finish_reason)
        said = {
            "output": output(end.text, end.reasoning, reason, message=message),
            "usage": counted(usage(end.row)),
            "request_id": request_id,
        }
        return JsonResponse(said)

    response = LaterResponse(complete)
    response.headers["X-Generation-Id"] = str(generation.pk)
    return response
