"""One branch of a conversation as an admin reads it: a bounded number of queries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conversations import newest_leaf, path_to, siblings_of
from ..follow import timing, usage
from ..models import Conversation, Feedback, Generation, Message, Picture
from ..pictures.rows import of_path
from ..tool_calls import Calls

PAGE = 100
"""Messages on one page: the last of a branch; the earlier ones are linked."""
Fact = tuple[str | Promise, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and its place among the versions under the same parent."""

    message: Message
    versions: list[UUID]
    generation: Generation | None
    feedback: Feedback | None

    @property
    def place(self) -> int:
        return self.versions.index(self.message.pk) + 1

    @property
    def before(self) -> UUID | None:
        return self.versions[self.place - 2] if self.place > 1 else None

    @property
    def after(self) -> UUID | None:
        return self.versions[self.place] if self.place < len(self.versions) else None

    @property
    def live(self) -> Generation | None:
        """While it runs, its text is the generation's last checkpoint."""
        job = self.generation
        return job if job is not None and job.is_live else None

    @property
    def text(self) -> str:
        return self.live.text if self.live else self.message.content

    @property
    def reasoning(self) -> str:
        return self.live.reasoning if self.live else self.message.reasoning

    @property
    def calls(self) -> Calls:
        return (self.live or self.message).said.tool_calls

    @property
    def pictures(self) -> Sequence[Picture]:
        return self.generation.drawn if self.generation else ()

    @property
    def status(self) -> str:
        return (self.generation or self.message).status

    @property
    def status_label(self) -> str:
        return (self.generation or self.message).get_status_display()

    @property
    def facts(self) -> list[Fact]:
        return list(facts(self.generation)) if self.generation else []


@dataclass(frozen=True, slots=True)
class Transcript:
    turns: list[Turn]
    earlier: UUID | None
    """The message that ends the page before this one."""


def transcript(
    conversation: Conversation, at: UUID | None = None, end: UUID | None = None
) -> Transcript | None:
    """The branch through `at`, or the path up to `end`, or what its owner sees.

    None when there is no such message in this conversation.
    """
    leaf = end or (newest_leaf(at, conversation.pk) if at else _shown(conversation))
    path = path_to(leaf, conversation.pk, PAGE) if leaf else []
    if not path and (at or end):
        return None
    versions = siblings_of(path) if path else {}
    of_path(path)
    return Transcript(
        turns=[_turn(message, versions[message.pk]) for message in path],
        earlier=path[0].parent_id if path else None,
    )


def _shown(conversation: Conversation) -> UUID | None:
    if conversation.leaf_id:
        return conversation.leaf_id
    newest = conversation.messages.order_by("-created", "-id")
    return newest.values_list("pk", flat=True).first()


def _turn(message: Message, versions: list[UUID]) -> Turn:
    return Turn(
        message=message,
        versions=versions,
        generation=getattr(message, "generation", None),
        feedback=getattr(message, "feedback", None),
    )


def facts(job: Generation) -> Iterator[Fact]:
    """What is known about how an answer came to be; only what there is."""
    yield gettext_lazy("model"), job.model
    if job.finish_reason:
        yield gettext_lazy("finish reason"), job.finish_reason
    yield gettext_lazy("tokens"), tokens(job)
    times = timing(job)
    for label, key in (
        (gettext_lazy("waited"), "queue_ms"),
        (gettext_lazy("first token"), "ttft_ms"),
        (gettext_lazy("total"), "total_ms"),
    ):
        if (value := times[key]) is not None:
            yield label, seconds(value)
    if (speed := times["tokens_per_second"]) is not None:
        yield gettext_lazy("tokens per second"), formats.number_format(speed, 1)
    if job.params:
        yield gettext_lazy("parameters"), json.dumps(job.params, ensure_ascii=False)
    if job.attempt > 1:
        yield gettext_lazy("attempt"), str(job.attempt)
    if job.is_live and job.owner:
        yield gettext_lazy("lease owner"), job.owner


def tokens(job: Generation) -> str:
    """Of the prompt and of the answer, e.g. `120 + 45`."""
    used = usage(job)
    return f"{used['prompt_tokens']} + {used['completion_tokens']}"


def seconds(milliseconds: float) -> str:
    return _("%(number)s s") % {"number": formats.number_format(milliseconds / 1000, 2)}
