"""The pictures of one request, from engines behind HTTP, one after another."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial

import aiohttp
from django.conf import settings

from ..base import (
    Drawn,
    EngineError,
    EngineEvent,
    EngineRequest,
    Finished,
    Prompted,
    Stepped,
)
from ..previews import A_SECOND
from .config import RemoteModel
from .payload import Json
from .pictures import (
    MAX_FRAME,
    PARTIAL_IMAGES,
    Said,
    Sketch,
    fetched,
    previewed,
    wish,
)
from .places import Place
from .wire import Frames

PATH = "/images/generations"
STEPS = PARTIAL_IMAGES + 1
"""Of one picture: its partial images, and itself."""
Accept = Callable[[Place, str, Json, str], Awaitable[aiohttp.ClientResponse]]
Attempt = Callable[[Place], tuple[Sketch, AsyncGenerator[EngineEvent]]]
Tried = Callable[[Attempt], AsyncGenerator[EngineEvent]]


class Drawing:
    def __init__(
        self,
        request: EngineRequest,
        model: RemoteModel,
        session: aiohttp.ClientSession,
        accept: Accept,
    ) -> None:
        """`accept`: asks a place, at a path, with a body and a trace."""
        self._request = request
        self._model = model
        self._session = session
        self._accept = accept
        self._reason = "stop"
        self._shown = -1 / A_SECOND
        self._prompt: int | None = None
        self._completion: int | None = None

    async def stream(self, tried: Tried) -> AsyncGenerator[EngineEvent]:
        """`tried`: attempts at one place after another."""
        yield Prompted(0)
        for number in range(self._request.params.n):
            try:
                async with aclosing(tried(partial(self._attempt, number))) as events:
                    async for event in events:
                        yield event
            except EngineError as error:
                if error.code != "content_filter":
                    raise
                self._reason = "content_filter"
        yield Finished(self._reason, self._prompt, self._completion)

    def _attempt(
        self, number: int, place: Place
    ) -> tuple[Sketch, AsyncGenerator[EngineEvent]]:
        sketch = Sketch()
        return sketch, self._ask(number, place, sketch)

    async def _ask(
        self, number: int, place: Place, sketch: Sketch
    ) -> AsyncGenerator[EngineEvent]:
        """One request. Leaving it, in whatever way, closes the connection at once."""
        with place.in_use:
            body = wish(self._request, self._model, number)
            response = await self._accept(place, PATH, body, self._request.trace)
            frames = Frames(response, MAX_FRAME)
            place.works()
            seconds = settings.CHAT_FIRST_TOKEN_SECONDS
            try:
                while not sketch.complete and (news := await frames.next(seconds)):
                    seconds = settings.CHAT_NEXT_TOKEN_SECONDS
                    for said in filter(None, map(sketch.take, news)):
                        if event := await self._event(number, place, said):
                            yield event
                sketch.end()
            finally:
                frames.close()
        self._count(sketch)

    async def _event(
        self, number: int, place: Place, said: Said
    ) -> Stepped | Drawn | None:
        if said.what == "whole":
            patience = settings.CHAT_NEXT_TOKEN_SECONDS
            return await fetched(self._session, place.url, said, patience)
        now = time.monotonic()
        if now - self._shown < 1 / A_SECOND or not (preview := await previewed(said)):
            return None
        self._shown = now
        done = number * STEPS + min(said.index + 1, PARTIAL_IMAGES)
        return Stepped(done, self._request.params.n * STEPS, preview)

    def _count(self, sketch: Sketch) -> None:
        """All of them together, where the engine says."""
        if sketch.prompt_tokens is not None:
            self._prompt = (self._prompt or 0) + sketch.prompt_tokens
        if sketch.completion_tokens is not None:
            self._completion = (self._completion or 0) + sketch.completion_tokens
