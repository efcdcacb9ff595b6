"""What a running generation said, and what of it is saved."""

from __future__ import annotations

import random
import weakref
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.engines.base import Chunk, Finished, Progress, Prompted
from chat.events import Snapshot
from chat.models import Generation, Message
from chat.running.growing import Said
from chat.running.job import Job
from chat.running.lease import Lease
from chat.running.outcomes import Checkpoint
from chat.tape import MemoryTape
from tests.reading import Shown

START = datetime(2026, 1, 1, tzinfo=UTC)


def make(text: str = "", reasoning: str = "", ids: str = "", tokens: int = 0) -> Job:
    lease = Lease(uuid4(), "owner", 2)
    job = Job(
        lease=lease,
        row=Generation(pk=lease.generation, model="m", params={"max_tokens": 5}),
        messages=[{"role": "user", "content": "Hello"}],
        _text=Said([text] if text else [], 1 if text else 0),
        _reasoning=Said([reasoning] if reasoning else [], 1 if reasoning else 0),
        _ids=Said([ids] if ids else [], 1 if ids else 0),
        prompt_tokens=0,
        completion_tokens=tokens,
        first_token=None,
        _saved_tokens=tokens,
    )
    job.writer = MemoryTape().open(str(lease.generation), 2, 0, Snapshot())
    return job


class Row:
    """What the database makes of checkpoints."""

    def __init__(self, text: str = "") -> None:
        self.text, self.reasoning, self.ids = text, "", ""

    def apply(self, new: Checkpoint) -> None:
        if new.whole:
            self.text = self.reasoning = self.ids = ""
        self.text += new.text
        self.reasoning += new.reasoning
        self.ids += new.token_ids


def take(job: Job, *events: Any) -> list[str | None]:
    return [job.take(event) for event in events]


def test_it_adds_up_what_the_engine_says() -> None:
    job = make()

    reasons = take(
        job,
        Prompted(7),
        Chunk(reasoning="so", tokens=1, token_ids=(1,)),
        Chunk("a", tokens=2, token_ids=(2, 3)),
        Finished("stop", None, None),
    )

    assert reasons == [None, None, None, "stop"]
    assert (job.text, job.reasoning) == ("a", "so")
    assert (job.prompt_tokens, job.completion_tokens) == (7, 3)
    assert job.first_token is not None


def test_it_notes_when_thinking_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make()
    seconds = count()
    monkeypatch.setattr(timezone, "now", lambda: START + timedelta(0, next(seconds)))

    take(job, Chunk(reasoning="so"), Chunk("a"), Chunk("b"))

    assert job.first_token is not None
    assert job.first_text is not None
    assert (job.first_text - job.first_token).total_seconds() == 1


def test_the_engine_may_know_the_counts_better() -> None:
    job = make()

    take(job, Prompted(7), Chunk("a", tokens=1), Finished("stop", 8, 2))

    assert (job.prompt_tokens, job.completion_tokens) == (8, 2)


def test_tokens_without_text_count_but_say_nothing() -> None:
    job = make()

    take(job, Chunk(tokens=3, token_ids=(1, 2, 3)))

    assert job.completion_tokens == 3
    assert job.first_token is None
    assert job.writer is not None
    assert job.writer.next_seq == 2_000_001


def test_what_no_database_takes_is_left_out() -> None:
    job = make()

    take(job, Chunk("a\0b", "\0", tokens=1), Chunk("\ud800c", tokens=1))

    assert (job.text, job.reasoning) == ("ab?c", "")


def test_a_continuation_tells_the_engine_how_far_it_came() -> None:
    job = make("abc", "so", "5 6 ", 2)

    request = job.request()

    assert request.progress == Progress("abc", "so", (5, 6), 2)
    assert request.id == f"{job.lease.generation}.2"
    assert request.params.max_tokens == 5


def test_without_news_there_is_no_checkpoint() -> None:
    job = make("abc", tokens=1)

    assert job.news() is None


def test_a_checkpoint_has_only_what_is_new() -> None:
    job = make("abc", tokens=3)
    take(job, Chunk("d", tokens=1))
    new = job.news()
    assert new is not None
    assert (new.text, new.whole) == ("d", False)

    job.saved(new)
    assert job.news() is None


def test_text_without_tokens_is_news_too() -> None:
    job = make("abc", tokens=3)

    take(job, Chunk("d", tokens=0))

    new = job.news()
    assert new is not None
    assert new.text == "d"


def test_what_comes_while_a_checkpoint_is_written_is_kept_for_the_next() -> None:
    job = make()
    take(job, Chunk("a", tokens=1))
    new = job.news()
    take(job, Chunk("b", tokens=1))
    job.saved(new)

    assert job.news().text == "b"


def test_what_is_saved_is_a_few_strings_however_often_it_was_saved() -> None:
    said = Said()
    for number in range(1000):
        said.add(f"{number:03} ")
        said.keep(1 + said.saved)

    assert said.whole() == "".join(f"{number:03} " for number in range(1000))
    assert not said.is_news
    assert len(said.parts) <= 10


async def test_it_goes_when_the_last_one_lets_go_of_it() -> None:
    job, services = make(), cast("Any", None)
    async with job.gate.at_work(services, job.take):
        take(job, Chunk("a", tokens=1))
    known = weakref.ref(job)

    del job

    assert known() is None, "it would stay until garbage is collected"


def test_in_doubt_everything_is_written_again() -> None:
    job = make("abc", tokens=3)
    take(job, Chunk("d", tokens=1))
    job.news()
    job.doubt()
    take(job, Chunk("e", tokens=1))

    new = job.news()

    assert (new.text, new.whole) == ("abcde", True)


def test_only_the_first_interruption_counts() -> None:
    job = make()

    job.interrupt("stopped")
    job.interrupt("lost")

    assert job.interrupted == "stopped"


@pytest.mark.parametrize("tokens", [0, 1])
@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_order_of_commits_and_lost_answers_doubles_text(
    tokens: int, seed: int
) -> None:
    """A checkpoint may be written and confirmed, written and not confirmed, or
    neither."""
    chance = random.Random(seed)
    job, row, page = make("start ", tokens=1), Row("start "), Shown("start ")
    for step in range(60):
        if chance.random() < 0.6:
            take(job, Chunk(f"{step} ", tokens=tokens, token_ids=(step,)))
        elif (new := job.news()) is not None:
            happens = chance.choice(["confirmed", "unconfirmed", "lost"])
            if happens != "lost":
                row.apply(new)
            if happens == "confirmed":
                job.saved(new)
            else:
                job.doubt()
        assert job.text.startswith(row.text)
    if (new := job.news()) is not None:
        row.apply(new)
    assert row.text == job.text
    assert row.ids == job._ids.whole()
    assert page.text == "start "


def test_it_lets_go_of_the_prompt_once_its_engine_has_it() -> None:
    job = make()
    job.row.message = Message(content="of before", conversation_id=uuid4())

    request = job.request()

    assert request.messages == [{"role": "user", "content": "Hello"}]
    assert job.messages == []
    assert not Generation.message.is_cached(job.row)  # type: ignore[attr-defined]
