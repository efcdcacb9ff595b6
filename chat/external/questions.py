"""What is asked, past the checks: before an engine is told of it.

Here the runner waits, and no request's thread. What a rule masks or blocks is masked in
the stored question too, so that no later turn tells it; a block ends the answer before
its engine is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings

from ..database import persistently_in_order, write
from ..engines.base import ChatMessage, EngineError
from ..guard import MASK
from ..models import Conversation, Generation, Message, Passage
from ..screening.rulebook import rulebook
from ..sentences import Sentences
from ..titles import title_from
from .gate import PIECE, Gate, Sentence, unavailable
from .rules import Check, Unchecked
from .services import Services

LONGEST = 2000
"""Characters of a question that are checked in one piece, in whole sentences."""


class Asked(Protocol):
    """A job."""

    row: Generation
    messages: list[ChatMessage]
    gate: Gate

    @property
    def text(self) -> str: ...
    @property
    def reasoning(self) -> str: ...


@dataclass(slots=True)
class Place:
    """A piece of a message. `found`: by rules that hold, with what they do."""

    message: int
    piece: Sentence
    actions: set[str] = field(default_factory=set)


async def look(job: Asked, services: Services) -> None:
    """Raises `EngineError` if it is not to be answered. An attempt that goes on with a
    text was past this."""
    checks = rulebook.known.outside_prompts
    if not checks or job.text or job.reasoning:
        return
    places = list(asked_of(job))
    flags = [check for check in checks if not check.holds]
    if flags:
        job.gate.later(judge_all(job.gate, places, flags, services))
    await judge_all(
        job.gate, places, [check for check in checks if check.holds], services
    )
    if any("closed" in place.actions for place in places):
        raise unavailable()
    if found := [place for place in places if place.actions]:
        await conceal(job, found)
    if any("block" in place.actions and is_new(job, place) for place in found):
        raise refused()


def asked_of(job: Asked) -> Iterator[Place]:
    """All that a program's call brings; of a conversation, what is not answered yet.
    What an assistant said was no question."""
    answered = -1
    if job.row.conversation.source != "api":
        roles = enumerate(message["role"] for message in job.messages)
        answered = max((n for n, role in roles if role == "assistant"), default=-1)
    for number, message in enumerate(job.messages):
        text, role = message["content"], message["role"]
        ours = role == "system" and text == settings.CHAT_SYSTEM_PROMPT
        if role == "assistant" or ours or (role != "system" and number < answered):
            continue
        part = "system" if role == "system" else "prompt"
        start = 0
        for piece in in_pieces(text):
            yield Place(number, Sentence(piece, part, start))
            start += len(piece)


def is_new(job: Asked, place: Place) -> bool:
    """Not a question of before, which had no answer."""
    last = len(job.messages) - 1
    calls = job.row.conversation.source == "api"
    return calls or place.piece.part == "system" or place.message == last


def in_pieces(text: str) -> Iterator[str]:
    """Whole sentences, as many as fit. Joined, they are the text."""
    held = ""
    for sentence in sentences_of(text):
        if held and len(held) + len(sentence) > LONGEST:
            yield held
            held = ""
        held += sentence
    if held:
        yield held


def sentences_of(text: str) -> Iterator[str]:
    sentences = Sentences()
    for at in range(0, len(text), PIECE):
        yield from sentences.push(text[at : at + PIECE])
    yield sentences.finish()


async def judge_all(
    gate: Gate, places: Sequence[Place], checks: Sequence[Check], services: Services
) -> None:
    if checks:
        await asyncio.gather(*(judge(gate, one, checks, services) for one in places))


async def judge(
    gate: Gate, place: Place, checks: Iterable[Check], services: Services
) -> None:
    for check in checks:
        try:
            async with gate.slots(holds=check.holds):
                verdict = await services.recall(check.service, place.piece.text)
        except Unchecked as failure:
            gate.note_failure(check, place.piece, failure)
            if check.closed:
                place.actions.add("closed")
            continue
        if (found := check.found(verdict)) is not None:
            gate.note(check, place.piece, found)
            if check.holds:
                place.actions.add(check.action)


async def conceal(job: Asked, found: Iterable[Place]) -> None:
    """Mask these pieces: for the model, and where the messages are stored."""
    changes: dict[str, str] = {}
    for number in {place.message for place in found}:
        text = before = job.messages[number]["content"]
        for place in found:
            if place.message == number:
                start, size = place.piece.start, len(place.piece.text)
                text = text[:start] + MASK * size + text[start + size :]
        changes[before] = text
        job.messages[number] = {**job.messages[number], "content": text}
    await persistently_in_order(store, job.row, changes)


def store(row: Generation, changes: Mapping[str, str]) -> None:
    """Wherever it stands in the conversation, as a question, system prompt or title.
    Safe to repeat."""
    here = Conversation.objects.filter(pk=row.conversation_id)
    told = Message.objects.filter(conversation=row.conversation_id)
    with write():
        for before, after in changes.items():
            asked = told.exclude(role="assistant").filter(content=before)
            Passage.objects.filter(message__in=asked).delete()  # to be indexed anew
            asked.update(content=after)
            here.filter(system_prompt=before).update(system_prompt=after)
            here.filter(title=title_from(before)).update(title=title_from(after))


def refused() -> EngineError:
    return EngineError(
        "content_filter",
        "This was not passed on: something in it is against the content rules here. "
        "Change it and try again.",
    )
