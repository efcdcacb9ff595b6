"""Django's ASGI handler, with one thread hop per request.

Stock Django keeps a thread and its database connection for as long as a response
streams: a thousand open streams are a thousand of each. Here the synchronous part
of a request (middleware, URL resolving, the view) runs in one hop on one of `THREADS`
pool threads, each with one kept database connection. What streams afterwards, and a
`LaterResponse`, runs on the event loop and holds neither.

So views are synchronous. An async one would run on the loop while the pool thread
waits for it: two hops more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from os import SEEK_END
from typing import Any

from asgiref.sync import sync_to_async
from django import db
from django.core import signals
from django.core.cache import close_caches
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import (
    FileResponse,
    HttpRequest,
)
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from chat.api.bodies import limit_of, takes_files
from chat.api.stream import EventStream
from chat.errors import ChatError
from chat.later import LaterResponse
from chat.observe import tracing
from chat.people.callers import of_scope

from .admission import admission
from .leaving import WhileItStays
from .streaming import begin, forget_headers, pass_on

THREADS = 8
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class OneHopHandler(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        hop: Any = partial(sync_to_async, thread_sensitive=False, executor=self._pool)
        self._responded = hop(self._respond)
        self._known = hop(self._is_known)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError(f"HTTP only, not {scope['type']}")
        # No ThreadSensitiveContext around it: that is what pins thread and
        # connection to the stream.
        limit = await self._limit(scope)
        try:
            body = await self.read_body(bounded(receive, limit))
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        await signals.request_started.asend(sender=self.__class__, scope=scope)
        response = None
        async with WhileItStays(receive):
            response = await self._answer(scope, body)
            if isinstance(response, EventStream):
                # Request and response are larger than all the rest of a stream.
                parts = await begin(response, send)
                forget_headers(scope)
                del body
                response = None
                await pass_on(parts, send)
            else:
                await self.send_response(response, send)
        if response is not None:
            await sync_to_async(response.close)()

    async def _answer(self, scope: Any, body: Any) -> HttpResponseBase:
        """A body that is a file is closed with the response."""
        try:
            request, refused = self.create_request(scope, body)
            if request is not None:
                if not takes_files(scope["path"]):
                    read_now(request, body)
                return await self.run_get_response(request)
        except BaseException:
            body.close()
            raise
        body.close()
        assert isinstance(refused, HttpResponseBase)
        return refused

    async def _limit(self, scope: Any) -> int:
        """How much of the body is kept. Files are taken from known callers only, so
        who calls has to be clear before the body is read."""
        path = scope["path"]
        if takes_files(path) and not await self._known(scope):
            return limit_of("")
        return limit_of(path)

    def _is_known(self, scope: Any) -> bool:
        with kept_connection():
            try:
                return of_scope(scope) is not None
            except (ChatError, db.OperationalError, db.InterfaceError):
                return False  # and the request itself will be told

    def create_request(self, scope: Any, body_file: Any) -> Any:
        """The length of a chunked body is known by now: let it be checked."""
        request, refused = super().create_request(scope, body_file)
        if request is not None and "CONTENT_LENGTH" not in request.META:
            request.META["CONTENT_LENGTH"] = str(body_file.seek(0, SEEK_END))
            body_file.seek(0)
        return request, refused

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        if (refused := admission.refused(request)) is not None:
            return refused
        with admission.counted():
            response: HttpResponseBase = await self._responded(request)
        if isinstance(response, LaterResponse):
            response = await response.resolve()
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        # What must still be closed (files of the request) holds no database work.
        return response

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        with kept_connection():
            if (tracer := tracing.here.tracer) is None:
                response = self.get_response(request)
            else:
                response = tracer.responded(request, self.get_response)
            response._handler_class = self.__class__  # type: ignore[attr-defined]
            return response


def read_now(request: HttpRequest, body: Any) -> None:
    """A thread may still read it when its client is gone, and the file closed."""
    request._body = body.read()
    body.close()


@contextmanager
def kept_connection() -> Iterator[None]:
    """Around work in a pool thread, which keeps its connection while that is good."""
    db.reset_queries()
    db.close_old_connections()
    try:
        yield
    finally:
        db.close_old_connections()


def bounded(receive: Receive, limit: int) -> Receive:
    """A byte more than any view takes is kept, whatever a client sends."""
    left = limit + 1

    async def receive_bounded() -> Mapping[str, Any]:
        nonlocal left
        message = await receive()
        body = message.get("body", b"")[:left]
        left -= len(body)
        return {**message, "body": body}

    return receive_bounded


def keep_connections() -> None:
    """Detach Django's per-request connection handling, which hops threads.

    The request signals would close the connections of whichever thread their
    receivers happen to run on. `OneHopHandler._respond` does it where it counts.
    """
    signals.request_started.disconnect(db.reset_queries)
    signals.request_started.disconnect(db.close_old_connections)
    signals.request_finished.disconnect(db.close_old_connections)
    # Ours, in memory or in Redis, keep nothing for a request that could be closed.
    signals.request_finished.disconnect(close_caches)
