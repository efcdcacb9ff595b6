"""Text generation, put together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from ninja import Header, Schema
from pydantic import Field, StrictBool, StrictInt, field_validator

from ... import calls
from ...asking import Ask
from ...engines.registry import can
from ...errors import ChatError
from ...follow import usage
from ...later import LaterResponse
from ...models import Generation
from .. import errors
from ..auth import authenticate, caller_of
from ..chat import IdempotencyKey
from ..document import DocumentedAPI, event_stream
from ..headers import tell
from ..schemas import JsonObject, Sampling, Text
from ..stream import EventStream
from ..told import MessageIn, Messages, check_able, model_named, told
from ..tools import Offering, ToolIn, unsupported
from ..whole import encoded, whole
from .answers import DashScopeAnswer, DashScopeError
from .errors import as_dashscope
from .frames import Frames, counted, finish_reason, output

api = DocumentedAPI(
    error=DashScopeError,
    title="Chatsite, DashScope dialect",
    version="1",
    auth=authenticate,
    urls_namespace="dashscope",
    docs_url=None,
    openapi_url="/openapi.json",
)
errors.install(api, as_dashscope)


class TurnIn(Schema):
    """A question and its answer, as 1.x told the history."""

    user: Text = ""
    bot: Text = ""


class InputIn(Schema):
    messages: Messages | None = None
    prompt: Text | None = None
    history: list[TurnIn] | None = None

    def told(self) -> list[MessageIn]:
        """The messages, or the history, and then the prompt."""
        said = list(self.messages or ())
        for turn in self.history or () if self.messages is None else ():
            said.append(MessageIn(role="user", content=turn.user))
            said.append(MessageIn(role="assistant", content=turn.bot))
        if self.prompt or not said:
            said.append(MessageIn(role="user", content=self.prompt or ""))
        return said


class FormatIn(Schema):
    type: Literal["text", "json_object", "json_schema"] = "text"
    schema_: Annotated[JsonObject | None, Field(alias="json_schema")] = None


class ParametersIn(Sampling, Offering):
    result_format: Literal["text", "message"] = "text"
    incremental_output: StrictBool = False
    enable_thinking: StrictBool | None = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    tools: list[ToolIn] | None = None
    response_format: FormatIn | None = None
    logprobs: bool | None = None
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

    def refuse(self) -> None:
        """What would change the answer, and cannot be done."""
        given = self.parameters
        if given.n not in (None, 1):
            raise unsupported("parameters.n", _("One answer at a time."))
        if given.logprobs:
            text = _("Log probabilities are not available.")
            raise unsupported("parameters.logprobs", text)
        if given.tools and given.result_format != "message":
            text = _("Tools need the result format message.")
            raise unsupported("parameters.result_format", text)

    def ask(self, user: Any, key: str | None) -> Ask:
        self.refuse()
        given, model = self.parameters, model_named(user, self.model)
        form, tools = given.response_format, given.tools or ()
        wanted = form is not None and form.type != "text"
        more = {
            "thinking": given.enable_thinking,
            "presence_penalty": given.presence_penalty,
            "response_format": form.model_dump(exclude_none=True, by_alias=True)
            if form and wanted
            else None,
            **given.offered(model, [tool.told() for tool in tools], "parameters."),
        }
        params = {k: v for k, v in more.items() if v is not None} | given.sampling()
        check_able(model, params, {name: f"parameters.{name}" for name in params})
        return Ask(model, params, key)

    def told(self, *, tools: bool) -> calls.Told:
        return told(self.input.told(), "input.messages", tools=tools)


def start(request: HttpRequest, body: GenerationIn, key: str | None) -> Generation:
    user = caller_of(request)
    ask = body.ask(user, key)
    brought = body.told(tools=can(ask.model, "tools"))
    return calls.start(user, ask, brought, "input.messages")


@api.post(
    "/services/aigc/text-generation/generation",
    tags=["DashScope"],
    response=DashScopeAnswer,
    openapi_extra=event_stream("The answer, or its frames as they come."),
)
def generate(
    request: HttpRequest,
    body: GenerationIn,
    key: IdempotencyKey = None,
    sse: Annotated[str | None, Header(alias="X-DashScope-SSE")] = None,
) -> HttpResponseBase:
    """An answer: all of it, or with `X-DashScope-SSE: enable` as a stream."""
    generation = start(request, body, key)
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
            "output": output(end.said, reason, message=message),
            "usage": counted(usage(end.row)),
            "request_id": request_id,
        }
        return JsonResponse(said)

    response = LaterResponse(complete)
    tell(response, generation)
    return response
