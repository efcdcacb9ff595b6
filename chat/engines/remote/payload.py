"""An engine request as the body of an HTTP request: pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base import ChatMessage, EngineRequest, Params, Progress
from ..fitting import estimate, kept, reserve, tools_estimate
from .config import RemoteModel, Upstream

Json = dict[str, Any]
STANDARD = ("temperature", "top_p", "max_tokens", "seed")
EXTENDED = ("top_k", "min_p", "repetition_penalty")
PENALTIES = ("presence_penalty", "frequency_penalty")
TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
ASKED = ("response_format", "logit_bias", "reasoning_effort")
"""Passed on as they came."""
OPTIONAL = (
    *EXTENDED,
    "stream_options",
    "chat_template_kwargs",
    "enable_thinking",
    "reasoning_effort",
    "continue_final_message",
    "add_generation_prompt",
    "seed",
    *PENALTIES,
)
"""What a request can do without, where an engine refuses it."""
OPEN_THINK = "<think>\n"


def openai(upstream: Upstream, model: RemoteModel, request: EngineRequest) -> Json:
    """The body of `POST {base}/chat/completions`."""
    params = with_defaults(request.params, model)
    body: Json = {
        "model": model.at_engine,
        "messages": list(fit(request, params, model.context_tokens)),
        "stream": True,
        "stream_options": {"include_usage": True},
        **sampling(params, (*STANDARD, *EXTENDED, *PENALTIES), request.progress),
        **given(params, (*TOOLS, *ASKED)),
    }
    if params.thinking is not None:
        body["chat_template_kwargs"] = {"enable_thinking": params.thinking}
    if request.progress:
        body["messages"].append(continuation(upstream, request.progress))
        if upstream.continues == "flags":
            body["continue_final_message"] = True
            body["add_generation_prompt"] = False
    return {**body, **model.extra}


def dashscope(upstream: Upstream, model: RemoteModel, request: EngineRequest) -> Json:
    """The body of DashScope's native text generation, incremental."""
    params = with_defaults(request.params, model)
    names = (*STANDARD, "top_k", "repetition_penalty", "presence_penalty")
    messages: list[Any] = list(fit(request, params, model.context_tokens))
    if request.progress:
        messages.append(continuation(upstream, request.progress))
    parameters = {
        "result_format": "message",
        "incremental_output": True,
        **sampling(params, names, request.progress),
        **given(params, (*TOOLS, "response_format")),
        **model.extra,
    }
    if params.thinking is not None:
        parameters["enable_thinking"] = params.thinking
    return {
        "model": model.at_engine,
        "input": {"messages": messages},
        "parameters": parameters,
    }


def given(params: Params, names: Sequence[str]) -> Json:
    values = {name: getattr(params, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def with_defaults(params: Params, model: RemoteModel) -> Params:
    """The request's parameters, over the model's own."""
    said = given(params, list(Params.__dataclass_fields__))
    if not params.stop:
        del said["stop"]
    return Params.from_json({**model.defaults, **said})


def sampling(params: Params, names: Sequence[str], progress: Progress) -> Json:
    values = {name: getattr(params, name) for name in names}
    if params.max_tokens is not None:
        values["max_tokens"] = max(1, params.max_tokens - progress.completion_tokens)
    if params.stop:
        values["stop"] = list(params.stop)
    return {name: value for name, value in values.items() if value is not None}


def continuation(upstream: Upstream, progress: Progress) -> Json:
    """The partial answer as a trailing assistant message.

    Without trailing space: templates that trim would drop it unseen. `Seam` keeps
    it from being said twice. An answer that was still thinking goes on inside its
    opened tag.
    """
    message: Json = {"role": "assistant", "content": progress.text.rstrip()}
    if not progress.text:
        message["content"] = OPEN_THINK + progress.reasoning.rstrip()
    elif progress.reasoning:
        message["reasoning_content"] = progress.reasoning
    if upstream.continues == "partial":
        message["partial"] = True
    return message


def fit(
    request: EngineRequest, params: Params, context: int | None
) -> Sequence[ChatMessage]:
    """The messages without the oldest turns, where the context cannot hold all."""
    if context is None:
        return request.messages
    taken = reserve(context, params.max_tokens) + estimate(request.progress.text)
    taken += tools_estimate(params.tools)
    return kept(request.messages, context - taken)


class Seam:
    """Where a continuation meets the text that is there: the white space that was
    cut from its end is not said again, if the engine begins with it."""

    def __init__(self, progress: Progress) -> None:
        text = progress.text or progress.reasoning
        self._cut = text[len(text.rstrip()) :]

    def __call__(self, text: str) -> str:
        while self._cut and text:
            if text[0] != self._cut[0]:
                self._cut = ""
            else:
                self._cut, text = self._cut[1:], text[1:]
        return text


def without(
    body: Json, refusal: str, optional: Sequence[str] = OPTIONAL
) -> Json | None:
    """The body without what the engine does not take; None when nothing is left to
    leave out. What its refusal names goes alone, else all that is optional."""
    present = [name for name in optional if name in body]
    named = [name for name in present if name in refusal]
    drop = set(named or present)
    if drop & {"continue_final_message", "add_generation_prompt"}:
        drop |= {"continue_final_message", "add_generation_prompt"}
    if drop & {"stream", "partial_images"}:
        drop |= {"stream", "partial_images"}
    if not drop:
        return None
    return {name: value for name, value in body.items() if name not in drop}
