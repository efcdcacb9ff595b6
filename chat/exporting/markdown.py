"""A conversation's active path as Markdown, for people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from ..conversations import path_ids
from ..models import Conversation, Generation, Message
from ..pictures.rows import of_path
from . import pages
from .pictures import path_of

MAX_MESSAGES = 20_000
AT_ONCE = 50
ALT = re.compile(r"[\[\]\\`<>]")
"""What would end a picture's description."""


def one_as_markdown(row: Conversation) -> Iterator[bytes]:
    """In the language of the request, which the generator's thread does not know."""
    names = {"user": _("You"), "assistant": _("Answer"), "system": _("System prompt")}
    words = names | {"thoughts": _("Thoughts"), "untitled": _("Untitled")}
    return pages.pieces(_document(row, words))


def _document(row: Conversation, words: dict[str, str]) -> Iterator[str]:
    yield f"# {one_line(row.title) or words['untitled']}\n"
    if row.system_prompt:
        yield f"\n## {words['system']}\n\n{row.system_prompt.strip()}\n"
    path = path_ids(row.leaf_id, row.pk, MAX_MESSAGES) if row.leaf_id else []
    for start in range(0, len(path), AT_ONCE):
        ids = path[start : start + AT_ONCE]
        rows = Message.objects.select_related("generation").in_bulk(ids)
        of_path(list(rows.values()))
        yield from (_section(rows[pk], words) for pk in ids if pk in rows)


def _section(row: Message, words: dict[str, str]) -> str:
    job: Generation | None = getattr(row, "generation", None)
    live = job is not None and job.is_live
    text = job.text if job and live else row.content
    thoughts = job.reasoning if job and live else row.reasoning
    model = f" · {one_line(job.model)}" if job else ""
    when = formats.date_format(timezone.localtime(row.created), "Y-m-d H:i")
    quoted = _quoted(words["thoughts"], thoughts) if thoughts else ""
    return (
        f"\n## {words.get(row.role, row.role)}{model}\n\n*{when}*\n\n"
        f"{quoted}{text.strip()}{_pictures(job)}\n"
    )


def _pictures(job: Generation | None) -> str:
    """Where their files are in an archive; elsewhere only what they show."""
    drawn = job.drawn if job else ()
    told = [f"![{ALT.sub('', row.alt)}]({path_of(row)})" for row in drawn]
    return "\n\n".join(told)


def _quoted(name: str, text: str) -> str:
    lines = "".join(f"> {line}\n" for line in text.strip().splitlines())
    return f"> **{name}**\n>\n{lines}\n"


def one_line(text: str) -> str:
    return " ".join(text.split())
