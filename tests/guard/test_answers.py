"""Answers past the guard: on every wire, in the row, over stops and hand-overs."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from chat import generations, nudges
from chat.asking import Ask
from chat.database import in_database
from chat.engines.base import (
    Chunk,
    Engine,
    EngineError,
    EngineEvent,
    EngineRequest,
    Finished,
    ModelInfo,
    Prompted,
)
from chat.events import Done
from chat.guard import MASK
from chat.models import Flag, GuardFinding, GuardRule
from chat.running import runner as runner_module
from chat.running import titler
from chat.screening.rulebook import rulebook
from chat.tape import MemoryTape
from tests.core.helpers import ask, crash, expire, fresh, runner_of
from tests.reading import body, eventually, finished, watch

pytestmark = pytest.mark.django_db(transaction=True)

SAID = "The word is forbidden, says 禁果 here."


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch) -> None:
    settings.CHAT_CHECKPOINT_SECONDS = 0.02
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.05)


def rule(action: str, pattern: str = "forbidden\n禁果", **of: Any) -> GuardRule:
    made = GuardRule(name=f"no {action}", pattern=pattern, action=action, **of)
    made.full_clean()
    made.save()
    rulebook.forget()
    return made


def saying(text: str, more: str = "pace=0") -> str:
    return f"say={base64.urlsafe_b64encode(text.encode()).decode()} {more}"


class Speaker(Engine):
    """Says these pieces, or raises them; remembers what it was asked, and whether it
    was let go."""

    def __init__(self, *pieces: str | Exception) -> None:
        self.models = [ModelInfo("scripted", "Speaker")]
        self.pieces = pieces
        self.requests: list[EngineRequest] = []
        self.closed = 0

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        self.requests.append(request)
        try:
            yield Prompted(3)
            for piece in self.pieces:
                await asyncio.sleep(0)
                if isinstance(piece, Exception):
                    raise piece
                yield Chunk(piece, tokens=1)
            yield Finished("stop")
        finally:
            self.closed += 1


def found() -> list[GuardFinding]:
    return list(GuardFinding.objects.order_by("id"))


async def test_what_is_masked_is_masked_for_everybody(alice) -> None:
    await in_database(rule, "mask")
    generation = await in_database(ask, alice, saying(SAID))
    tape = MemoryTape()
    async with runner_of(tape=tape):
        row = await finished(generation)
        page = await watch(tape, row)

    expected = f"The word is {MASK * 9}, says {MASK * 2} here."
    assert row.message.content == page.text == expected
    assert (row.status, row.finish_reason) == ("done", "stop")
    one, two = await in_database(found)
    assert (one.rule, one.text, one.generation_id) == ("no mask", "forbidden", row.pk)
    assert (two.text, two.user_id, two.part) == ("禁果", alice.pk, "text")
    assert not await Flag.objects.aexists()


async def test_a_block_ends_the_answer_and_lets_the_engine_go(alice) -> None:
    await in_database(rule, "block")
    generation = await in_database(ask, alice)
    engine, tape = Speaker("The for", "bidden", *[" x"] * 1000), MemoryTape()
    async with runner_of(tape=tape, engine=engine):
        row = await finished(generation)
        page = await watch(tape, row)

    assert (row.status, row.finish_reason) == ("done", "content_filter")
    assert row.message.content == page.text == "The "
    assert (row.prompt_tokens, row.completion_tokens) == (3, 3)
    assert isinstance(page.end, Done)
    assert page.end.finish_reason == "content_filter"
    assert engine.closed == 1
    [seen] = await in_database(found)
    assert (seen.action, seen.text, seen.start) == ("block", "forbidden", 4)


async def test_a_flag_changes_nothing(alice) -> None:
    await in_database(rule, "flag", on_prompts=False)
    generation = await in_database(ask, alice, saying(SAID))
    async with runner_of():
        row = await finished(generation)

    assert row.message.content == SAID
    assert [seen.action for seen in await in_database(found)] == ["flag", "flag"]
    [raised] = await in_database(lambda: list(Flag.objects.all()))
    assert (raised.source, raised.reason) == ("guard", "no flag")
    assert raised.message_id == row.message_id


async def test_a_rule_out_of_force_or_for_questions_does_nothing(alice) -> None:
    await in_database(rule, "mask", enabled=False)
    await in_database(rule, "block", on_answers=False)
    generation = await in_database(ask, alice, saying(SAID))
    async with runner_of():
        row = await finished(generation)

    assert row.message.content == SAID


async def test_a_rule_takes_hold_in_an_answer_that_is_being_written(alice) -> None:
    generation = await in_database(ask, alice, "pace=0.02 n=3000")
    tape = MemoryTape()
    async with runner_of(tape=tape):
        await eventually(lambda: (tape.state(str(generation.pk)) or (0,))[0])
        await in_database(rule, "block", pattern=r"t\d*[05]\b", kind="regex")
        await in_database(rulebook.learn)
        row = await finished(generation)

    assert row.finish_reason == "content_filter"
    assert row.message.content.endswith((" ", ""))
    assert not row.message.content.rstrip().endswith(("0", "5"))


@pytest.mark.parametrize("tokens", [4, 5])
async def test_who_takes_over_in_the_midst_of_a_word_guards_it(alice, tokens) -> None:
    await in_database(rule, "mask")
    generation = await in_database(ask, alice, saying(SAID, f"pace=0 hang={tokens}"))
    tape = MemoryTape()
    async with runner_of("first", tape) as dead:
        # "The word is " has twelve characters: three tokens. The rest is held.
        await eventually(lambda: waiting(dead) == tokens - 3)
        assert text_on(tape, generation) == "The word is "
        await crash(dead)
    await in_database(expire, generation)
    row = await in_database(fresh, generation)
    await in_database(
        lambda: (
            type(row.message)
            .objects.filter(pk=row.message.parent_id)
            .update(content=saying(SAID))
        )
    )
    async with runner_of("second", tape):
        row = await finished(generation)

    assert row.attempt == 2
    expected = f"The word is {MASK * 9}, says {MASK * 2} here."
    assert row.message.content == expected
    assert row.completion_tokens == -(-len(SAID) // 4)


def waiting(runner: Any) -> int:
    """How many tokens are held."""
    return sum(len(job.screen._waiting) for job in runner._jobs.values())


def text_on(tape: MemoryTape, generation: Any) -> str:
    state = tape.state(str(generation.pk))
    return state[1].text if state else ""


async def test_a_stop_keeps_what_was_held(alice) -> None:
    await in_database(rule, "mask")
    generation = await in_database(ask, alice, saying("not forbidd", "pace=0 hang=3"))
    tape = MemoryTape()
    async with runner_of(tape=tape) as runner:
        await eventually(lambda: waiting(runner) == 2)
        assert text_on(tape, generation) == "not "
        await in_database(generations.stop, alice, generation.pk)
        row = await finished(generation)

    assert (row.status, row.message.content) == ("stopped", "not forbidd")
    assert row.completion_tokens == 3


async def test_a_failure_keeps_what_was_held(alice) -> None:
    await in_database(rule, "mask")
    generation = await in_database(ask, alice)
    engine = Speaker("not ", "forbidd", EngineError("engine_failed", "It broke."))
    async with runner_of(engine=engine):
        row = await finished(generation)

    assert (row.status, row.message.content) == ("failed", "not forbidd")


async def test_an_answer_that_is_continued_is_guarded_over_the_seam(alice) -> None:
    await in_database(rule, "mask")
    generation = await in_database(ask, alice)
    engine = Speaker("not forbid", EngineError("engine_failed", "It broke."))
    async with runner_of(engine=engine):
        row = await finished(generation)
        engine.pieces = ("den", " fruit")
        again = await in_database(
            generations.go_on, alice, row.message_id, Ask("scripted", {})
        )
        row = await finished(again)

    assert row.message.content == f"not forbid{MASK * 3} fruit"


async def test_of_what_is_not_stored_no_text_is_noted(alice) -> None:
    await in_database(rule, "mask", on_prompts=False)

    def start() -> Any:
        quiet = Ask("scripted", {}, store=False)
        return generations.start(alice, quiet, saying(SAID))

    generation = await in_database(start)
    async with runner_of():
        await finished(generation)

    assert [seen.text for seen in await in_database(found)] == ["", ""]


async def test_a_title_is_guarded(alice, settings) -> None:
    settings.CHAT_AUTO_TITLES = True
    await in_database(rule, "mask")
    generation = await in_database(ask, alice)
    engine = Speaker("forbidden fruit")
    async with runner_of(engine=engine) as runner:
        names = titler.Titler(runner._engines)
        names.start()
        row = await finished(generation)
        await asyncio.sleep(0)
        nudges.answered.deliver(str(row.pk))
        await eventually(lambda: len(engine.requests) >= 2)
        await names.settled()
        await names.stop()

    row = await in_database(fresh, generation)
    assert row.conversation.title == f"{MASK * 9} fruit"


OPENAI = {"messages": [{"role": "user", "content": ""}], "model": "scripted"}
WIRES: list[tuple[str, dict[str, Any], str]] = [
    ("/api/chat/stream", {"prompt": ""}, '"finish_reason":"content_filter"'),
    ("/api/chat", {"prompt": ""}, '"finish_reason":"content_filter"'),
    ("/v1/chat/completions", OPENAI, '"finish_reason":"content_filter"'),
    (
        "/v1/chat/completions",
        {**OPENAI, "stream": True},
        '"finish_reason":"content_filter"',
    ),
    ("/v1/responses", {"input": "", "model": "scripted"}, '"reason":"content_filter"'),
    (
        "/v1/responses",
        {"input": "", "model": "scripted", "stream": True},
        '"reason":"content_filter"',
    ),
    (
        "/api/v1/services/aigc/text-generation/generation",
        {"model": "scripted", "input": {"prompt": ""}},
        '"finish_reason":"content_filter"',
    ),
]


def filled(value: Any, text: str) -> Any:
    """The empty strings are the question's place."""
    if isinstance(value, dict):
        return {name: filled(part, text) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, text) for part in value]
    return text if value == "" else value


async def read(response: Any) -> str:
    if response.streaming:
        return (await body(response)).decode()
    return response.content.decode()


@pytest.mark.parametrize(("path", "asks", "end"), WIRES)
async def test_on_no_wire_is_any_of_it(alices, running, path, asks, end) -> None:
    await in_database(rule, "block")
    prompt = saying("Fruit is 禁果, forbidden", "pace=0")

    response = await alices.post(
        path, json.dumps(filled(asks, prompt)), content_type="application/json"
    )
    text = await read(response)

    assert response.status_code == 200
    assert end in text.replace(": ", ":")
    assert "Frui" in text
    for part in ("禁", "果", r"\u7981", "forb"):
        assert part not in text
