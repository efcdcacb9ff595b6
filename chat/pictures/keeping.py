"""What was drawn becomes files, before the transaction that ends its answer writes the
rows. Files and decoding have threads of their own: a storage may be far away."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.files.base import ContentFile

from ..database import persistently
from ..engines.base import Drawn, EngineError
from ..models import Generation, Picture
from ..models.picture import files
from . import loose
from .checking import SUFFIXES, NoPicture, checked

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture whose row is still to be written."""

    row: Picture
    contents: dict[str, bytes]
    """By the names of its files."""


async def keep(job: Generation, drawn: Sequence[Drawn]) -> list[Picture]:
    """The rows to write, whose files are there. Raises `EngineError`.

    Broken off, or if the rows are never written, the files are loose ones.
    """
    if not drawn:
        return []
    try:
        kept = await asyncio.to_thread(prepared, job, drawn)
    except NoPicture as error:
        logger.warning("generation %s drew no picture: %s", job.pk, error)
        raise unreadable() from error
    contents = {name: data for one in kept for name, data in one.contents.items()}
    await persistently(loose.announce, list(contents))
    try:
        await asyncio.to_thread(write, contents)
    except Exception as error:  # every storage has errors of its own
        logger.exception("the pictures of generation %s", job.pk)
        raise not_stored() from error
    return [one.row for one in kept]


def prepared(job: Generation, drawn: Sequence[Drawn]) -> list[Kept]:
    return [named(job, number, each) for number, each in enumerate(drawn)]


def named(job: Generation, number: int, drawn: Drawn) -> Kept:
    """The k-th picture of a request was drawn from its seed plus k."""
    found = checked(drawn.image)
    file = new_name(SUFFIXES[found.content_type])
    thumbnail = new_name("webp")
    row = Picture(
        message_id=job.message_id,
        owner_id=job.user_id,
        number=number,
        file=file,
        thumbnail=thumbnail,
        content_type=found.content_type,
        width=found.width,
        height=found.height,
        bytes=len(drawn.image) + len(found.thumbnail),
        seed=int(job.params.get("seed", 0)) + number,
    )
    return Kept(row, {file: drawn.image, thumbnail: found.thumbnail})


def new_name(suffix: str) -> str:
    """192 random bits, in one of 256 folders."""
    token = secrets.token_hex(24)
    return f"{token[:2]}/{token}.{suffix}"


def write(contents: dict[str, bytes]) -> None:
    for name, data in contents.items():
        files.save(name, ContentFile(data))


def unreadable() -> EngineError:
    return EngineError(
        "picture_unreadable",
        "The model drew something that is no picture. Try again.",
        retryable=True,
    )


def not_stored() -> EngineError:
    return EngineError(
        "picture_not_stored",
        "The picture was drawn, but it could not be stored. Try again in a minute.",
        retryable=True,
    )
