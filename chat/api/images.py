"""Ask for pictures, and get their files: `/api/images`.

A picture is an answer like any other: stored, queued, watched, resumed and stopped at
`/api/generations`. Its stream has `step` instead of `delta`, and `done` tells of the
files.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router
from pydantic import Field, StrictInt

from .. import generations, present
from ..asking import Ask
from ..errors import NotFoundError
from ..models import Generation, Picture
from ..pictures import serving
from ..pictures.asking import params_of
from ..pictures.checking import CONTENT_TYPES
from .auth import authenticate, caller_of
from .chat import STARTED, IdempotencyKey
from .complete import completed
from .document import events
from .errors import render
from .schemas import Body, Number, Text
from .shown import ErrorOut, ImagesOut
from .stream import begun

router = Router(tags=["images"])

STARTS: dict[str, Any] = {
    "responses": {
        "200": events(
            "Resume with Last-Event-ID at /api/generations/{id}/stream: of the steps "
            "only the newest is sent again.",
            *("start", "queued", "step", "snapshot", "done", "error"),
        ),
        "202": STARTED,
    }
}
FILE: dict[str, Any] = {
    "responses": {
        "200": {
            "description": "The file. It never changes.",
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in sorted(CONTENT_TYPES.values())
            },
        }
    }
}


class ImagesIn(Body):
    """`size` is WIDTHxHEIGHT in pixels. What is left out is as the model has it."""

    prompt: Text
    model: Annotated[str | None, Field(max_length=200)] = None
    conversation: UUID | None = None
    parent: UUID | None = None
    size: Annotated[str | None, Field(max_length=20)] = None
    steps: Annotated[StrictInt | None, Field(ge=1)] = None
    guidance: Annotated[Number | None, Field(ge=0, le=50)] = None
    seed: Annotated[StrictInt | None, Field(ge=0, lt=2**53)] = None
    negative_prompt: Annotated[Text | None, Field(max_length=2000)] = None
    n: Annotated[StrictInt, Field(ge=1, le=4)] = 1

    def params(self) -> dict[str, Any]:
        """As they are stored."""
        names = {"size", "steps", "guidance", "seed", "negative_prompt", "n"}
        return params_of(**self.model_dump(include=names))


def start(request: HttpRequest, body: ImagesIn, key: str | None) -> Generation:
    return generations.start(
        caller_of(request),
        Ask(body.model or "", body.params(), key, draws=True),
        body.prompt,
        conversation=body.conversation,
        parent=body.parent,
    )


@router.post(
    "/images", response={200: ImagesOut, 400: ErrorOut, 429: ErrorOut, 503: ErrorOut}
)
def draw(
    request: HttpRequest, body: ImagesIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """Ask for pictures, and hear of them when they are finished."""
    return completed(start(request, body, key), present.drawn)


@router.post("/images/stream", openapi_extra=STARTS)
def draw_stream(
    request: HttpRequest, body: ImagesIn, key: IdempotencyKey = None
) -> HttpResponseBase:
    """Ask for pictures, and watch them come."""
    return begun(request, start(request, body, key))


def by_signature(request: HttpRequest) -> bool:
    """Whoever has a signed address needs no name."""
    return serving.is_signed(request)


Signature = Annotated[
    str | None,
    Query(max_length=200, description="Of a signed address, which holds for an hour."),
]
Download = Annotated[
    bool, Query(description="As a file to be kept, and not one to be shown.")
]


@router.get(
    "/images/{uuid:picture}", openapi_extra=FILE, auth=[by_signature, authenticate]
)
def get_picture(
    request: HttpRequest,
    picture: UUID,
    signature: Signature = None,
    download: Download = False,
) -> HttpResponseBase:
    """The picture as it was drawn."""
    return serving.served(named(request, picture), download=download, gone=gone)


@router.get(
    "/images/{uuid:picture}/thumbnail",
    openapi_extra=FILE,
    auth=[by_signature, authenticate],
)
def get_thumbnail(
    request: HttpRequest, picture: UUID, signature: Signature = None
) -> HttpResponseBase:
    """The same, small: its longer side has 512 pixels at most."""
    return serving.served(named(request, picture), thumbnail=True, gone=gone)


def named(request: HttpRequest, pk: UUID) -> Picture:
    """The caller's own, or the one whose address is signed."""
    rows = Picture.objects.filter(message__conversation__deleted=None)
    if not serving.is_signed(request):
        rows = Picture.objects.owned_by(caller_of(request))
    picture = rows.filter(pk=pk).first()
    if picture is None:
        raise NotFoundError("picture")
    return picture


def gone() -> HttpResponse:
    return render(NotFoundError("picture"))
