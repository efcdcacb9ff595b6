"""What Chatsite is compared with: the same frames to the same readers, from less.

    python -m bench.bare PORT [bare|django|threads]

- `bare`: an ASGI application that writes one frame per token, and nothing else.
- `django`: an asynchronous view and `StreamingHttpResponse`, behind Django's own ASGI
  handler and usual middleware, as in most tutorials: the reply is the connection's.
- `threads`: the same with a synchronous generator; a thread sleeps for each reply.

None of them knows users, stores anything, or asks an engine elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

WORD = re.compile(r"(n|pace)=([\d.]+)")
EVENTS = "text/event-stream"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def asked(body: bytes) -> tuple[int, float]:
    """How many tokens, and seconds between two."""
    words = dict(WORD.findall(json.loads(body)["prompt"]))
    return int(words.get("n", 40)), float(words.get("pace", 0.05))


def frame(index: int) -> bytes:
    said = json.dumps({"text": f" t{index}"}, separators=(",", ":"))
    return f"id: {index + 1}\nevent: delta\ndata: {said}\n\n".encode()


DONE = b'id: 0\nevent: done\ndata: {"finish_reason":"stop"}\n\n'


async def frames(tokens: int, pace: float) -> AsyncIterator[bytes]:
    began = time.perf_counter()
    for index in range(tokens):
        wait = began + (index + 1) * pace - time.perf_counter()
        if pace and wait > 0:
            await asyncio.sleep(wait)
        yield frame(index)
    yield DONE


def frames_in_thread(tokens: int, pace: float) -> Iterator[bytes]:
    began = time.perf_counter()
    for index in range(tokens):
        time.sleep(max(0.0, began + (index + 1) * pace - time.perf_counter()))
        yield frame(index)
    yield DONE


async def bare(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", scope["method"] == "POST"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    head = {"type": "http.response.start", "status": 200}
    await send({**head, "headers": [(b"content-type", EVENTS.encode())]})
    if body:
        async for part in frames(*asked(body)):
            message = {"type": "http.response.body", "body": part, "more_body": True}
            await send(message)
    await send({"type": "http.response.body", "body": b""})


@csrf_exempt
async def stream(request: HttpRequest) -> StreamingHttpResponse:
    await request.auser()
    return StreamingHttpResponse(frames(*asked(request.body)), content_type=EVENTS)


@csrf_exempt
def stream_in_thread(request: HttpRequest) -> StreamingHttpResponse:
    parts = frames_in_thread(*asked(request.body))
    return StreamingHttpResponse(parts, content_type=EVENTS)


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


urlpatterns = [
    path("stream", stream),
    path("threads", stream_in_thread),
    path("readyz", ready),
]


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 1024


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def configure() -> None:
    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=MIDDLEWARE,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
    )
    django.setup()


def main() -> None:
    port, kind = int(sys.argv[1]), sys.argv[2]
    if kind != "bare":
        configure()
    if kind == "threads":
        server = Threads(("127.0.0.1", port), Quiet)
        server.set_app(get_wsgi_application())
        return server.serve_forever()
    application: Any = bare if kind == "bare" else get_asgi_application()
    options: dict[str, Any] = {"lifespan": "off", "access_log": False}
    return uvicorn.run(application, port=port, log_level="warning", **options)


if __name__ == "__main__":
    main()
