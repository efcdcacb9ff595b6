"""`POST /v1/images/generations`."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Router

from ... import calls, sse
from ...engines.base import ChatMessage
from ...errors import ChatError
from ...events import Done, Event, Failed, Step
from ...follow import follow, reread, usage
from ...later import LaterResponse
from ...models import Generation, Picture
from ...pictures import serving
from ...running import process
from ..auth import caller_of
from ..chat import IdempotencyKey
from ..document import event_stream
from ..headers import tell
from ..stream import EventStream
from ..whole import CLOSING, failure
from .chunks import data
from .errors import as_openai, in_stream
from .image_events import File, ImageEvents, answer, share
from .image_schemas import ImageGenerationIn, ImageGenerations

router = Router(tags=["OpenAI"])
WITHHELD = Failed(
    "content_policy_violation",
    "The model withheld what it drew. Ask for something else.",
    retryable=False,
)
STOPPED = Failed(
    "stopped", "It was stopped before a picture was finished.", retryable=False
)
GONE = Failed(
    "picture_gone", "The picture's file is not there any more.", retryable=False
)
REFUSALS = ("content_policy_violation", "stopped")
"""What is no fault of the server."""
Place = Callable[[Picture], dict[str, Any]]


def start(request: HttpRequest, body: ImageGenerationIn, key: str | None) -> Generation:
    question = ChatMessage(role="user", content=body.prompt)
    told = calls.Told("", [question])
    return calls.start(caller_of(request), body.asked(key), told, "prompt")


@router.post(
    "/images/generations",
    response=ImageGenerations,
    openapi_extra=event_stream("The pictures, or partial ones as they come."),
)
def generate_images(
    request: HttpRequest, body: ImageGenerationIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """Pictures from a text: all of them, or a stream with partial images."""
    generation = start(request, body, key)
    created = int(generation.created.timestamp())
    if body.stream:
        wanted, size = body.partial_images or 0, body.size or "auto"
        n = int(generation.params["n"])
        events = ImageEvents(created, size, n, wanted)
        return EventStream(streamed(generation, events), generation)
    place = partial(at_address, request) if body.response_format == "url" else inside

    async def complete() -> HttpResponse:
        try:
            row = await ended(generation)
            files = await read(row, place)
        except ChatError as error:
            return as_openai(request, error)
        return JsonResponse(answer(created, files, usage(row)))

    response = LaterResponse(complete)
    tell(response, generation)
    return response


def inside(picture: Picture) -> dict[str, Any]:
    return {"b64_json": b64encode(serving.read(picture)).decode()}


def at_address(request: HttpRequest, picture: Picture) -> dict[str, Any]:
    """One that opens without a key, for an hour."""
    return {"url": request.build_absolute_uri(serving.signed_path(picture))}


async def ended(generation: Generation) -> Generation:
    """The row, once it has ended. Raises `ChatError` when it failed."""
    async for events in follow(process.current().tape, generation):
        for _seq, event in events:
            if isinstance(event, Failed):
                raise failure(event)
            if isinstance(event, Done):
                return await reread(generation)
    raise failure(CLOSING)


async def read(row: Generation, place: Place) -> list[File]:
    """Its pictures. Raises `ChatError` where there is none."""
    if not row.drawn:
        withheld = row.finish_reason == "content_filter"
        raise refusal(WITHHELD if withheld else STOPPED)
    try:
        return await asyncio.to_thread(files_of, row.drawn, place)
    except FileNotFoundError as error:
        raise refusal(GONE) from error


def refusal(failed: Failed) -> ChatError:
    error = failure(failed)
    if failed.code in REFUSALS:
        error.status = 400
    return error


def files_of(pictures: Sequence[Picture], place: Place) -> list[File]:
    return [
        File(
            place(picture),
            picture.content_type.partition("/")[2],
            picture.width,
            picture.height,
        )
        for picture in pictures
    ]


async def streamed(
    generation: Generation, events: ImageEvents
) -> AsyncGenerator[bytes]:
    """Headers and a comment at once. It never ends without saying how it ended."""
    yield sse.HEARTBEAT
    batches = follow(process.current().tape, generation)
    async with aclosing(batches):
        async for batch in batches:
            frames = [steps(event, events) for _seq, event in batch]
            if any(frames) or not batch:
                yield b"".join(frames) or sse.HEARTBEAT
            match batch[-1][1] if batch else None:
                case Failed() as failed:
                    yield data(in_stream(failed))
                    return
                case Done():
                    async for frame in pictures_of(generation, events):
                        yield frame
                    return
    yield data(in_stream(CLOSING))


def steps(event: Event, events: ImageEvents) -> bytes:
    return events.step(event) if isinstance(event, Step) else b""


async def pictures_of(
    generation: Generation, events: ImageEvents
) -> AsyncGenerator[bytes]:
    row = await reread(generation)
    try:
        files = await read(row, inside)
    except ChatError as error:
        failed = Failed(error.code, str(error.message), retryable=False)
        yield data(in_stream(failed))
        return
    for number, file in enumerate(files):
        yield events.completed(file, share(usage(row), len(files), number))
