"""The rows of pictures: written with their answer's end, and shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from ..models import Generation, Message, Picture
from . import loose

INSTEAD = "[picture: {alt}]"
Json = dict[str, Any]
USUAL = (512, 512)


def insert(pictures: Sequence[Picture]) -> None:
    """In the transaction that ends their answer."""
    Picture.objects.bulk_create(pictures)
    loose.claim(pictures)


def of_messages(messages: Iterable[UUID]) -> dict[UUID, list[Picture]]:
    """Of each of these, in their order."""
    found: dict[UUID, list[Picture]] = defaultdict(list)
    for row in Picture.objects.filter(message__in=list(messages)).to_show():
        found[row.message_id].append(row)
    return found


def with_pictures(rows: Sequence[Generation]) -> None:
    """Give those that drew what they drew."""
    if drew := [row for row in rows if row.draws and not row.is_live]:
        found = of_messages(row.message_id for row in drew)
        for row in drew:
            row.drawn = found[row.message_id]


def of_path(path: Sequence[Message]) -> None:
    """The same for messages, whose generations are loaded."""
    jobs = {row.pk: job for row in path if (job := getattr(row, "generation", None))}
    with_pictures(list(jobs.values()))
    for row in path:
        job = jobs.get(row.pk)
        if job is not None and job.drawn:
            row.instead = INSTEAD.format(alt=job.drawn[0].alt)


def tell_instead(path: Sequence[Message]) -> None:
    """The same for messages alone: only empty answers can be pictures."""
    empty = [
        row.pk
        for row in path
        if row.role == "assistant" and not (row.content or row.tool_calls)
    ]
    found = of_messages(empty) if empty else {}
    for row in path:
        if pictures := found.get(row.pk):
            row.instead = INSTEAD.format(alt=pictures[0].alt)


def canvas(job: Generation) -> Json | None:
    """What is, or was, to be drawn: pixels of each picture, and how many; None of a
    text. Where the model chooses, a square: it says when it is finished."""
    if not job.draws:
        return None
    width, height = job.params.get("size") or USUAL
    return {"width": width, "height": height, "n": job.params["n"]}


def shown(picture: Picture) -> Json:
    """As the native API tells of it, in `done` and elsewhere."""
    address = f"/api/images/{picture.pk}"
    return {
        "id": str(picture.pk),
        "url": address,
        "thumbnail": f"{address}/thumbnail",
        "width": picture.width,
        "height": picture.height,
        "content_type": picture.content_type,
        "alt": picture.alt,
        "seed": picture.seed,
    }
