"""One engine behind HTTP, as the runner sees it.

An answer is asked for again only before its first token. Once there is text, a
connection that breaks or falls silent is `EngineLost`: the generation goes back to
the queue, and whoever takes it continues the text that is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import aiohttp
from django.conf import settings

from chat.gathering import gathering

from ..base import (
    Engine,
    EngineError,
    EngineEvent,
    EngineLost,
    EngineRequest,
    Finished,
    ModelInfo,
)
from . import drawing, payload, pictures
from .answer import Answer, DashScopeAnswer, OpenAIAnswer
from .catalog import catalog
from .config import RemoteModel, Upstream
from .places import Place, Places
from .trouble import Trouble
from .wire import Frames, post, refusal_of

TRIES = 3
PAUSE_SECONDS = 0.2
IDLE_SECONDS = 3.0
"""How long a connection is kept for the next request: less than engines do (uvicorn,
and with it vLLM, 5 s). One that they close while we ask would cost a try, and where the
oldest ones are taken first, all tries."""
TAIL_SECONDS = 2.0
"""How long the usage may follow the finish reason."""
PATHS = {
    "openai": "/chat/completions",
    "dashscope": "/services/aigc/text-generation/generation",
}
ACCEPT = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
SSE_SWITCH = {"X-DashScope-SSE": "enable"}
Json = dict[str, Any]
Attempt = Callable[
    [Place], tuple[Answer | pictures.Sketch, AsyncGenerator[EngineEvent]]
]
"""What tells whether it begun, and what it says."""


class RemoteEngine(Engine):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._places = Places(upstream.base_urls)
        self._session: aiohttp.ClientSession | None = None

    @property
    def models(self) -> Sequence[ModelInfo]:  # type: ignore[override]
        return infos(self._upstream)

    @property
    def problem(self) -> str | None:
        return catalog.problem(self._upstream)

    def serves(self, model: str) -> bool:
        """An engine that lists its models decides itself what it serves."""
        return self._upstream.model(model) is not None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            # As many connections as there are requests: the runner bounds those.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=settings.CHAT_CONNECT_SECONDS
            ),
            headers=self._upstream.headers() | ACCEPT,
        )

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        model = self._model(request.model)
        if model.kind == "image":
            session, accepted = self._open_session, self._accepted
            drawn = drawing.Drawing(request, model, session, accepted)
            return drawn.stream(self._tried)
        if (early := self._cannot_go_on(request, model)) is not None:
            return at_once(early)
        return self._tried(partial(self._write, request, model))

    async def _tried(self, attempt: Attempt) -> AsyncGenerator[EngineEvent]:
        """Attempts at one place after another, until one says something."""
        tried: list[Place] = []
        while True:
            place = self._places.pick(tried)
            tried.append(place)
            answer, asked = attempt(place)
            try:
                async with aclosing(asked) as events:
                    async for event in events:
                        yield event
                return
            except Trouble as trouble:
                if answer.begun:
                    raise EngineLost("engine_lost", trouble.message) from trouble
                if trouble.fault:
                    place.failed()
                if not trouble.again or len(tried) >= max(TRIES, len(self._places)):
                    raise trouble.as_error() from trouble
                pause = PAUSE_SECONDS * 2 ** (len(tried) - 1)
                elsewhere = len(tried) < len(self._places)
                await asyncio.sleep(0 if elsewhere else trouble.after or pause)

    def _write(
        self, request: EngineRequest, model: RemoteModel, place: Place
    ) -> tuple[Answer, AsyncGenerator[EngineEvent]]:
        answer, body = self._make(request, model)
        return answer, self._ask(place, body, answer, request.trace)

    def _model(self, name: str) -> RemoteModel:
        for model in catalog.models(self._upstream):
            if model.id == name:
                return model
        if (known := self._upstream.model(name)) is None:
            raise EngineError(
                "model_not_found", f"The model {name} is not served any more."
            )
        return known

    def _cannot_go_on(
        self, request: EngineRequest, model: RemoteModel
    ) -> Finished | None:
        progress = request.progress
        if not progress:
            return None
        limit = payload.with_defaults(request.params, model).max_tokens
        if progress.completion_tokens >= (limit or settings.CHAT_MAX_NEW_TOKENS):
            return Finished("length")
        if self._upstream.continues == "none":
            raise EngineError(
                "engine_lost",
                "The engine broke off and cannot continue an answer. "
                "What was written is kept.",
                retryable=True,
            )
        return None

    def _make(self, request: EngineRequest, model: RemoteModel) -> tuple[Answer, Json]:
        limit = None
        if payload.with_defaults(request.params, model).max_tokens is None:
            # Not sent: an engine refuses a bound that its context cannot hold.
            limit = settings.CHAT_MAX_NEW_TOKENS - request.progress.completion_tokens
        if self._upstream.protocol == "openai":
            body = payload.openai(self._upstream, model, request)
            return OpenAIAnswer(request, limit), body
        body = payload.dashscope(self._upstream, model, request)
        incremental = bool(body["parameters"]["incremental_output"])
        return DashScopeAnswer(request, limit, incremental=incremental), body

    async def _ask(
        self, place: Place, body: Json, answer: Answer, trace: str
    ) -> AsyncGenerator[EngineEvent]:
        """One request. Leaving it, in whatever way, closes the connection at once."""
        with place.in_use:
            path = PATHS[self._upstream.protocol]
            frames = Frames(await self._accepted(place, path, body, trace))
            del body  # nor are frames kept below: most of the time is spent waiting
            place.works()
            patience = Patience()
            try:
                while not answer.complete:
                    try:
                        news = await frames.next(patience.at(answer))
                    except Trouble:
                        if answer.finished:
                            break
                        raise
                    if not news:
                        break
                    said, trouble = answer.take_all(news)
                    del news
                    for event in said:
                        yield event
                    if trouble is not None:
                        raise trouble
                    if gathering.seconds and answer.begun and not answer.complete:
                        frames.gather()
                yield answer.end()
            finally:
                frames.close()

    async def _accepted(
        self, place: Place, path: str, body: Json, trace: str
    ) -> aiohttp.ClientResponse:
        """The response, once the engine takes the request: perhaps at the second
        try, without what it does not know."""
        draws = path == drawing.PATH
        optional = pictures.OPTIONAL if draws else payload.OPTIONAL
        refused = place.refused.get(path, frozenset())
        known = {name: body[name] for name in body if name not in refused}
        while True:
            response = await self._post(place, path, known, trace)
            if response.status == 200:
                place.refused[path] = refused | (body.keys() - known.keys())
                return response
            trouble = await refusal_of(response)
            less = payload.without(known, str(trouble), optional)
            named = less is not None and any(
                name in str(trouble) for name in known.keys() - less.keys()
            )
            about_keys = trouble.status == 422 or (
                trouble.status == 400 and (named or draws)
            )
            if less is None or not about_keys or trouble.code == "content_filter":
                raise trouble
            known = less

    async def _post(
        self, place: Place, path: str, body: Json, trace: str
    ) -> aiohttp.ClientResponse:
        headers = SSE_SWITCH if self._upstream.protocol == "dashscope" else {}
        if trace:
            headers = {**headers, "traceparent": trace}
        return await post(self._open_session, place.url + path, body, headers)

    @property
    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineError("engine_stopped", "The engine has stopped.")
        return self._session


class Patience:
    """Seconds in which the next frame must come."""

    def __init__(self) -> None:
        self._first = float(settings.CHAT_FIRST_TOKEN_SECONDS)
        self._next = float(settings.CHAT_NEXT_TOKEN_SECONDS)

    def at(self, answer: Answer) -> float:
        if answer.finished:
            return TAIL_SECONDS
        return self._next if answer.begun else self._first


async def at_once(event: EngineEvent) -> AsyncGenerator[EngineEvent]:
    yield event


def infos(upstream: Upstream) -> list[ModelInfo]:
    return [info_of(upstream, model) for model in catalog.models(upstream)]


def info_of(upstream: Upstream, model: RemoteModel) -> ModelInfo:
    return ModelInfo(
        id=model.id,
        label=model.label or model.id,
        context_tokens=model.context_tokens,
        can=frozenset(upstream.can if model.can is None else model.can),
        continues=upstream.continues != "none",
        kind=model.kind,
    )
