"""Store such conversations: oldest first, some hundred in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.utils import timezone

from ..database import write
from ..models import Conversation, Generation, Message, Passage, Tag
from ..search.backend import backend
from ..search.passages import words
from ..tape import SPAN
from .texts import LONG_TITLE, Texts

AT_ONCE = 200
BATCH = 500
LONG = 2000
"""Messages of the one long conversation."""
LONG_PLACE = 0.9
EVERY = timedelta(minutes=15)
MODEL = "scripted"
TAGS = {"everywhere": 3, "work": 50, "rare": 10_000}
"""One in so many conversations has the tag."""


@dataclass(slots=True)
class Rows:
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)

    def store(self) -> None:
        # The database checks at the commit that all of it belongs together.
        with write():
            Conversation.objects.bulk_create(self.conversations, BATCH)
            Message.objects.bulk_create(self.messages, BATCH)
            Generation.objects.bulk_create(self.generations, BATCH)
            Passage.objects.bulk_create(self.passages, BATCH)


def build(user: Any, conversations: int, messages: int, seed: int) -> Iterator[int]:
    """How many conversations are stored so far, now and then."""
    builder = Builder(user, seed, timezone.now() - EVERY * conversations)
    sizes = lengths(conversations, messages)
    with backend().filling():
        for begin in range(0, conversations, AT_ONCE):
            rows = Rows()
            for place in range(begin, min(begin + AT_ONCE, conversations)):
                builder.add(rows, place, sizes[place])
            rows.store()
            yield begin + len(rows.conversations)
        builder.tag()


def passage(row: Conversation, text: str, message: UUID | None = None) -> Passage:
    return Passage(**words(row.owner_id, row.pk, text, message)._asdict())


def lengths(conversations: int, messages: int) -> list[int]:
    """Messages of each conversation: an even number, one of them long."""
    long = min(LONG, messages // 2 * 2)
    pairs = (messages - long) // 2
    others = max(1, conversations - 1)
    sizes = [
        2 * (pairs // others + (place < pairs % others)) for place in range(others)
    ]
    sizes.insert(int(conversations * LONG_PLACE), long)
    return sizes


class Builder:
    def __init__(self, user: Any, seed: int, begin: datetime) -> None:
        self._user = user
        self._begin = begin
        self._random = Random(seed)
        self._texts = Texts(seed)
        self._tagged: dict[str, list[UUID]] = {name: [] for name in TAGS}

    def add(self, rows: Rows, place: int, size: int) -> None:
        row = self._conversation(place)
        if size == LONG:
            row.title = LONG_TITLE
        rows.conversations.append(row)
        rows.passages.append(passage(row, row.title))
        above: Message | None = None
        for number in range(size):
            above = self._message(row, above, number)
            rows.messages.append(above)
            rows.passages.append(passage(row, above.content, above.pk))
            if above.role == "assistant":
                rows.generations.append(self._generation(row, above))
        row.leaf = above

    def _conversation(self, place: int) -> Conversation:
        moment = self._begin + EVERY * place
        row = Conversation(
            pk=self._id(),
            owner=self._user,
            title=self._texts.title(),
            title_source="model",
            model=MODEL,
            pinned=place % 20_000 == 7,
            archived=place % 50 == 3,
            created=moment,
            updated=moment + EVERY / 2,
            indexed=True,
        )
        for name, every in TAGS.items():
            if place % every == 1:
                self._tagged[name].append(row.pk)
        return row

    def _message(
        self, row: Conversation, above: Message | None, number: int
    ) -> Message:
        asks = number % 2 == 0
        text = self._texts.question() if asks else self._texts.answer()
        return Message(
            pk=self._id(),
            conversation=row,
            parent=above,
            role="user" if asks else "assistant",
            content=text,
            tokens=None if asks else len(text) // 4,
            created=row.created + timedelta(seconds=number / 4),
        )

    def _generation(self, row: Conversation, answer: Message) -> Generation:
        tokens = answer.tokens or 0
        return Generation(
            pk=self._id(),
            user=self._user,
            conversation=row,
            message=answer,
            model=MODEL,
            status="done",
            attempt=1,
            last_seq=SPAN + 2,
            prompt_tokens=tokens,
            completion_tokens=tokens,
            finish_reason="stop",
            created=answer.created,
            started=answer.created,
            first_token=answer.created,
            finished=answer.created,
        )

    def _id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def tag(self) -> None:
        link = Conversation.tags.through
        for name, tagged in self._tagged.items():
            tag = Tag.objects.create(owner=self._user, name=name, key=name)
            links = (link(conversation_id=pk, tag=tag) for pk in tagged)
            link._default_manager.bulk_create(links, BATCH)
