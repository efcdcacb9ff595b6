"""Answers and questions past an external check, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chat import generations, nudges
from chat.asking import Ask
from chat.database import in_database
from chat.engines.base import EngineError
from chat.external import services as services_module
from chat.external.rules import Service, Unchecked, Verdict
from chat.external.services import Services
from chat.guard import MASK
from chat.models import Flag, GuardFinding, GuardRule, Message, Usage
from chat.running import runner as runner_module
from chat.running import titler
from chat.screening.rulebook import rulebook
from chat.tape import MemoryTape
from tests.core.helpers import OneEngine, ask, crash, expire, fresh, runner_of
from tests.guard.test_answers import (
    WIRES,
    Speaker,
    filled,
    found,
    read,
    saying,
    text_on,
)
from tests.moderator import Moderator
from tests.reading import eventually, finished, watch
from tests.upstream import serve

pytestmark = pytest.mark.django_db(transaction=True)

SAID = "All is fine here. This is bad, so bad. The end."


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch) -> None:
    settings.CHAT_CHECKPOINT_SECONDS = 0.02
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.05)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Moderator, str]]:
    one = Moderator()
    with serve(one) as url:
        yield one, url


@pytest.fixture
def moderator(served, settings) -> Moderator:
    one, url = served
    one.__init__()
    settings.CHAT_GUARD_URL, settings.CHAT_GUARD_KEY = url, "sk-guard"
    return one


def rule(action: str = "block", **of: Any) -> GuardRule:
    usual = {"kind": "moderation", "model": "omni", "on_prompts": False}
    of = {**usual, "seconds": 30, **of}
    made = GuardRule(name=f"outside {action}", action=action, **of)
    made.full_clean()
    made.save()
    rulebook.forget()
    return made


@pytest.mark.parametrize(("path", "asks", "end"), [WIRES[0], *WIRES[3:]])
async def test_on_no_wire_is_any_of_it(
    alices, running, moderator, path, asks, end
) -> None:
    await in_database(rule)
    prompt = saying(SAID, "pace=0")

    response = await alices.post(
        path, json.dumps(filled(asks, prompt)), content_type="application/json"
    )
    text = await read(response)

    assert response.status_code == 200
    assert end in text.replace(": ", ":")
    assert "here" in text
    # As a word: ids are hexadecimal.
    assert not re.search(r"\bbad\b", text)
    assert "This" not in text
    path, body = moderator.requests[0]
    assert (path, body) == (
        "/v1/moderations",
        {"input": "All is fine here. ", "model": "omni"},
    )
    assert moderator.headers[0]["authorization"] == "Bearer sk-guard"


async def test_a_block_is_noted_and_flagged(alice, moderator) -> None:
    await in_database(rule)
    generation = await in_database(ask, alice)
    engine, tape = Speaker(SAID[:20], SAID[20:], *[" x"] * 1000), MemoryTape()
    async with runner_of(tape=tape, engine=engine):
        row = await finished(generation)
        page = await watch(tape, row)

    assert (row.status, row.finish_reason) == ("done", "content_filter")
    assert row.message.content == page.text == "All is fine here. "
    assert engine.closed == 1
    [seen] = await in_database(found)
    assert (seen.rule, seen.action, seen.part) == ("outside block", "block", "text")
    assert (seen.text, seen.categories) == ("This is bad, so bad. ", "violence")
    assert await Flag.objects.aget()


async def test_what_is_masked_and_what_is_flagged(alice, moderator) -> None:
    await in_database(rule, "mask", categories="violence 0.5")
    await in_database(rule, "flag", categories="harassment 0.2")
    generation = await in_database(ask, alice, saying("Fine. So bad. How rude!"))
    async with runner_of():
        row = await finished(generation)

    assert row.message.content == f"Fine. {MASK * 8}How rude!"
    seen = {row.rule: row.text for row in await in_database(found)}
    assert seen == {"outside mask": "So bad. ", "outside flag": "How rude!"}
    assert len(moderator.texts) == 3, "both rules share a request"


def close() -> None:
    row = GuardRule.objects.get()
    row.on_failure, row.name = "block", "closed"
    row.save()
    rulebook.forget()


@pytest.mark.parametrize("says", ["slow", "down", "denied", "odd"])
async def test_without_a_verdict_it_passes_or_ends(
    alice, moderator, says, monkeypatch
) -> None:
    def soon(services: Services, service: Service, text: str) -> Awaitable[Verdict]:
        seconds = 0.2 if "slow" in text else 30
        return ask_one(services, replace(service, seconds=seconds), text)

    ask_one = Services._ask
    monkeypatch.setattr(Services, "_ask", soon)
    text = f"Fine. This is {says}. Bye."
    await in_database(rule, "mask")
    generation = await in_database(ask, alice, saying(text))
    async with runner_of():
        row = await finished(generation)
        assert row.message.content == text
        await in_database(close)
        generation = await in_database(ask, alice, saying(text))
        row = await finished(generation)

    assert (row.status, row.error_code) == ("failed", "check_unavailable")
    assert row.message.content == "Fine. "
    codes = {"slow": "timeout", "down": "unavailable", "denied": "refused"}
    noted = [(one.rule, one.failure, one.text) for one in await in_database(found)]
    code = codes.get(says, "nonsense")
    assert noted == [("outside mask", code, ""), ("closed", code, "")]
    assert not await Flag.objects.aexists()


async def test_a_stop_does_not_wait_for_a_check(alice, moderator) -> None:
    await in_database(rule, seconds=30)
    generation = await in_database(
        ask, alice, saying("Fine. A slow one. And more", "pace=0 hang=6")
    )
    tape = MemoryTape()
    async with runner_of(tape=tape):
        await eventually(lambda: "A slow one. " in moderator.texts)
        await in_database(generations.stop, alice, generation.pk)
        row = await finished(generation)
        page = await watch(tape, row)

    assert (row.status, row.finish_reason) == ("stopped", "stopped")
    assert row.message.content == page.text == "Fine. "
    assert row.completion_tokens == 6
    await eventually(lambda: moderator.left == 1)


async def test_a_failure_of_the_engine_keeps_what_is_cleared(alice, moderator) -> None:
    await in_database(rule)
    generation = await in_database(ask, alice)
    engine = Speaker("Fine. And", EngineError("engine_failed", "It broke."))
    async with runner_of(engine=engine):
        row = await finished(generation)

    assert (row.status, row.message.content) == ("failed", "Fine. And")


async def test_who_takes_over_during_a_check_leaks_and_loses_nothing(
    alice, moderator
) -> None:
    await in_database(rule, "mask", seconds=30)
    text = "Fine. A slow bad one. And more."
    generation = await in_database(ask, alice, saying(text, "pace=0"))
    tape = MemoryTape()
    async with runner_of("first", tape) as dead:
        await eventually(lambda: "A slow bad one. " in moderator.texts)
        await eventually(lambda: text_on(tape, generation) == "Fine")
        row = await in_database(fresh, generation)
        assert "slow" not in row.text + text_on(tape, generation)
        await crash(dead)
    await in_database(expire, generation)
    moderator.release()
    async with runner_of("second", tape):
        row = await finished(generation)

    assert row.attempt == 2
    assert row.message.content == f"Fine. {MASK * 16}And more."
    assert row.completion_tokens == -(-len(text) // 4)


@pytest.mark.parametrize("at", ["here", "url"])
async def test_a_chat_model_checks_and_nobody_pays(alice, moderator, at) -> None:
    policy = {"kind": "judge", "policy": "Nothing bad.", "on_prompts": True}
    judge = "scripted" if at == "here" else "guard-model"
    generation = await in_database(ask, alice)
    engine = Speaker("unsafe: violence") if at == "here" else Speaker("So bad.")
    await in_database(rule, "mask", model=judge, **policy)
    async with runner_of(engine=engine):
        row = await finished(generation)

    if at == "here":
        told = engine.requests[0].messages
        assert told[0]["content"].startswith("Nothing bad.")
        asked = await Message.objects.aget(role="user")
        assert set(asked.content) == {MASK}
        assert set(row.message.content) == {MASK}
    else:
        path, body = moderator.requests[-1]
        assert (path, body["model"]) == ("/v1/chat/completions", "guard-model")
        assert row.message.content == MASK * 7
    assert (row.prompt_tokens, row.completion_tokens) == (3, 1)
    used = await Usage.objects.aget()
    assert (used.prompt_tokens, used.completion_tokens) == (3, 1)


# Questions


async def test_a_question_is_refused_before_the_engine_is_asked(
    alice, moderator
) -> None:
    await in_database(rule, on_prompts=True)
    generation = await in_database(ask, alice, "Hello. This is bad. Say so.")
    engine = Speaker("never")
    async with runner_of(engine=engine):
        row = await finished(generation)
        assert engine.requests == []
        assert (row.status, row.error_code) == ("failed", "content_filter")
        again = await in_database(
            ask, alice, "And now?", conversation=row.conversation_id
        )
        await finished(again)

    [told, _asked] = engine.requests[0].messages
    assert "bad" not in told["content"]
    question = await Message.objects.aget(pk=row.message.parent_id)
    assert question.content == told["content"]
    assert set(question.content) == {MASK}
    assert "bad" not in row.conversation.title
    [seen] = await in_database(found)
    assert (seen.part, seen.text) == ("prompt", "Hello. This is bad. Say so.")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/chat", 400, "content_filter"),
        ("/v1/chat/completions", 400, "content_filter"),
        (WIRES[-1][0], 400, "DataInspectionFailed"),
    ],
)
async def test_programs_are_refused_in_their_words(
    alices, running, moderator, path, status, code
) -> None:
    await in_database(rule, on_prompts=True, on_answers=False)
    asks = next(asks for where, asks, _end in WIRES if where == path)

    response = await alices.post(
        path, json.dumps(filled(asks, "so bad")), content_type="application/json"
    )
    text = await read(response)

    # A test client learns the status of what comes later from its body alone.
    assert code in text
    assert response.status_code in (200, status)
    # Two words: the digits of an id may spell one of them.
    assert "so bad" not in text


async def test_of_a_long_question_only_the_piece_is_masked(alice, moderator) -> None:
    await in_database(rule, "mask", on_prompts=True, on_answers=False)
    filler = "Nothing to see here. " * 95
    generation = await in_database(ask, alice, filler + "So bad. " + filler)
    engine = Speaker("Yes.")
    async with runner_of(engine=engine):
        await finished(generation)

    [told] = engine.requests[0].messages
    assert "bad" not in told["content"]
    assert told["content"].startswith("Nothing to see here.")
    assert len(told["content"]) == len((filler + "So bad. " + filler).strip()) + 1
    assert len(moderator.texts) == 3


async def test_a_flagged_question_is_asked_and_noted(alice, moderator) -> None:
    await in_database(rule, "flag", on_prompts=True)
    generation = await in_database(ask, alice, "So bad.")
    engine = Speaker("Yes.")
    async with runner_of(engine=engine):
        row = await finished(generation)

    assert engine.requests[0].messages[-1]["content"] == "So bad."
    assert row.status == "done"
    assert [seen.part for seen in await in_database(found)] == ["prompt"]
    assert (await Flag.objects.aget()).message_id == row.message.parent_id


async def test_a_question_that_has_to_be_checked_waits_for_another_day(
    alice, moderator
) -> None:
    await in_database(rule, on_prompts=True, on_failure="block")
    generation = await in_database(ask, alice, "This is down.")
    engine = Speaker("never")
    async with runner_of(engine=engine):
        row = await finished(generation)

    assert (row.error_code, row.error_retryable) == ("check_unavailable", True)
    assert engine.requests == []
    assert (await Message.objects.aget(role="user")).content == "This is down."


async def test_all_that_a_call_brings_is_checked_and_answers_are_not(
    alices, running, moderator
) -> None:
    await in_database(rule, on_prompts=True, on_answers=False)
    told = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "so bad"},
        {"role": "user", "content": "n=1"},
    ]
    body = json.dumps({"model": "scripted", "messages": told})
    response = await alices.post(
        "/v1/chat/completions", body, content_type="application/json"
    )

    assert "t0" in await read(response)
    assert sorted(moderator.texts) == ["Be kind.", "Hello", "n=1"]


async def test_a_title_is_checked(alice, moderator, settings) -> None:
    settings.CHAT_AUTO_TITLES = True
    await in_database(rule)
    generation = await in_database(ask, alice, "Hello")
    engine = Speaker("Fine")
    async with runner_of(engine=engine) as runner:
        row = await finished(generation)
        engine.pieces = ("Bad? So bad",)
        names = titler.Titler(runner._engines)
        names.start()
        nudges.answered.deliver(str(row.pk))
        await eventually(lambda: "Bad? So bad" in moderator.texts)
        await names.settled()
        await names.stop()

    row = await in_database(fresh, generation)
    assert row.conversation.title == "Hello"


async def test_a_service_that_fails_is_left_alone_for_a_while(
    alice, moderator, caplog
) -> None:
    await in_database(rule)
    moderator.broken = True
    generation = await in_database(ask, alice, saying("One! Two! " * 20))
    with caplog.at_level(logging.WARNING):
        async with runner_of():
            row = await finished(generation)

    assert row.message.content == "One! Two! " * 20
    assert services_module.FAILURES <= len(moderator.texts) < 40
    assert "check by omni: unavailable" in caplog.text
    assert "One!" not in caplog.text
    assert "sk-guard" not in caplog.text


async def test_who_waits_for_a_slot_does_not_hold_it_against_the_service(
    moderator, monkeypatch
) -> None:
    monkeypatch.setattr(services_module, "AT_ONCE", 1)
    services = Services(OneEngine(Speaker()))
    patient = Service("moderation", "omni", seconds=60)
    hasty = Service("moderation", "omni", seconds=0.01)
    first = asyncio.create_task(services.ask(patient, "A slow one."))
    await eventually(lambda: moderator.open == 1)
    for _ in range(services_module.FAILURES):
        with pytest.raises(Unchecked) as error:
            await services.ask(hasty, "Fine.")
        assert error.value.code == "timeout"
    last = asyncio.create_task(services.ask(patient, "Fine."))
    moderator.release()

    assert not (await first).anything
    assert not (await last).anything
    assert moderator.texts == ["A slow one.", "Fine."]
    await services.stop()


async def test_a_service_has_all_its_time_from_when_it_is_sent_something(
    monkeypatch,
) -> None:
    monkeypatch.setattr(services_module, "AT_ONCE", 1)
    services, let = Services(OneEngine(Speaker())), asyncio.Event()
    limits: list[asyncio.Timeout] = []
    timeout = asyncio.timeout
    service = Service("moderation", "omni", seconds=77)

    def kept(seconds: float) -> asyncio.Timeout:
        made = timeout(seconds)
        if seconds == service.seconds:
            limits.append(made)
        return made

    async def asked(_service: Service, _text: str) -> Verdict:
        await let.wait()
        return Verdict()

    monkeypatch.setattr(asyncio, "timeout", kept)
    monkeypatch.setattr(services, "_asked", asked)
    both = [asyncio.create_task(services.ask(service, text)) for text in "ab"]
    await eventually(lambda: len(limits) == 2)
    freed = asyncio.get_running_loop().time()
    let.set()
    await asyncio.gather(*both)

    ends = limits[1].when()
    assert ends is not None
    assert ends >= freed + service.seconds


async def test_what_nobody_thought_of_is_no_verdict(caplog) -> None:
    services = Services(OneEngine(Speaker(RuntimeError("a secret"))))
    with pytest.raises(Unchecked) as error:
        await services.ask(Service("judge", "scripted", "Nothing bad."), "a secret")

    assert error.value.code == "nonsense"
    assert "RuntimeError" in caplog.text
    assert "a secret" not in caplog.text


async def test_nothing_of_a_call_that_is_not_stored_is_noted(alice, moderator) -> None:
    await in_database(rule, "flag")
    quiet = Ask("scripted", {}, store=False)
    generation = await in_database(
        lambda: generations.start(alice, quiet, saying("So bad."))
    )
    async with runner_of():
        await finished(generation)

    [seen] = await in_database(lambda: list(GuardFinding.objects.all()))
    assert (seen.text, seen.categories) == ("", "violence")


async def test_without_checks_nobody_is_asked(alice, moderator) -> None:
    await in_database(rule, enabled=False)
    generation = await in_database(ask, alice, saying(SAID))
    async with runner_of():
        row = await finished(generation)
        await asyncio.sleep(0)

    assert row.message.content == SAID
    assert moderator.requests == []
