"""Sentences that wait for somebody else's verdict: their order, their number."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from chat.engines.base import Chunk, EngineError, EngineEvent, Finished
from chat.external.gate import AHEAD, BESIDE, Gate, Refused
from chat.external.rules import Check, Service, Unchecked, Verdict
from chat.guard import MASK
from chat.screening.findings import MOST_OF_ONE
from chat.screening.rulebook import NO_RULES, Rules, rulebook
from chat.sentences import LONGEST, Sentences
from chat.tool_calls import CallPiece
from tests.guard.test_screening import DONE, Taken, call
from tests.guard.test_stream import splits, texts
from tests.reading import eventually

SERVICE = Service("moderation", "m")
BAD = Verdict(True, frozenset({"violence"}))


class Services:
    """Says at once what it thinks, or when it is let; remembers what it was asked."""

    def __init__(self, says: Callable[[str], Awaitable[Verdict]]) -> None:
        self.says = says
        self.asked: list[str] = []
        self.open = self.most = 0

    async def ask(self, service: Service, text: str) -> Verdict:
        self.asked.append(text)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            return await self.says(text)
        finally:
            self.open -= 1


async def by_words(text: str) -> Verdict:
    if "x" in text:
        raise Unchecked("timeout")
    return BAD if "bad" in text else Verdict()


def in_force(*actions: Any, closed: bool = False) -> None:
    checks = [
        Check(key, f"rule {key}", action, SERVICE, closed=closed)
        for key, action in enumerate(actions)
    ]
    rulebook.known = Rules(outside_answers=tuple(checks))


def gate_of(
    says: Callable[[str], Awaitable[Verdict]] = by_words,
) -> tuple[Gate, Taken, Services, Any]:
    answer = Taken()
    gate, services = Gate(answer), Services(says)

    def take(event: EngineEvent) -> str | None:
        answer.take([event])
        return event.finish_reason if isinstance(event, Finished) else None

    return gate, answer, services, gate.at_work(services, take)  # type: ignore[arg-type]


async def through(*events: EngineEvent) -> tuple[Taken, Services, Gate]:
    gate, answer, services, work = gate_of()
    await put(gate, work, *events)
    return answer, services, gate


async def put(gate: Gate, work: Any, *events: EngineEvent) -> None:
    async with work:
        for event in events:
            await gate.put(event)


def sentences(text: str) -> list[str]:
    cut = Sentences()
    found = [*cut.push(text), cut.finish()]
    return [one for one in found if one]


def masked(text: str) -> str:
    return "".join(MASK * len(one) if "bad" in one else one for one in sentences(text))


@given(splits(texts))
@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_checked_and_said_depends_on_the_text_alone(split) -> None:
    text, pieces = split
    text = text.replace("x", "y")
    pieces = [piece.replace("x", "y").replace("a", "bad. ") for piece in pieces]
    text = "".join(pieces)
    in_force("mask")
    chunks = [Chunk(piece, "", 1, (at,)) for at, piece in enumerate(pieces)]

    answer, services, _gate = asyncio.run(through(*chunks, DONE))

    assert answer.text == masked(text)
    assert services.asked == sentences(text)
    assert [chunk.token_ids for chunk in answer.chunks] == [c.token_ids for c in chunks]
    assert answer.others == [DONE]


async def test_a_sentence_waits_for_its_verdict_and_for_those_before_it() -> None:
    in_force("block")
    waits: dict[str, asyncio.Event] = {}

    async def says(text: str) -> Verdict:
        await waits.setdefault(text, asyncio.Event()).wait()
        return Verdict()

    gate, answer, _services, work = gate_of(says)
    async with work:
        for piece in ("One. ", "Two. ", "Th"):
            await gate.put(Chunk(piece))
        await eventually(lambda: len(waits) == 2)
        waits["Two. "].set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert answer.text == ""
        waits["One. "].set()
        # The engine is silent meanwhile.
        await eventually(lambda: answer.text == "One. Two. ")
        await gate.put(Chunk("ree"))
        waits["Three"] = asyncio.Event()
        waits["Three"].set()
        assert await gate.put(DONE) == "stop"
    assert answer.text == "One. Two. Three"


async def test_so_many_are_checked_ahead_and_no_more() -> None:
    in_force("block")
    let = asyncio.Event()

    async def says(_text: str) -> Verdict:
        await let.wait()
        return Verdict()

    gate, answer, services, work = gate_of(says)

    async def engine() -> None:
        async with work:
            for number in range(50):
                await gate.put(Chunk(f"No {number}! "))
            await gate.put(DONE)

    said = asyncio.create_task(engine())
    await eventually(lambda: services.open == AHEAD)
    assert answer.text == ""
    let.set()
    await said
    assert services.most == AHEAD
    assert len(sentences(answer.text)) == 50


@pytest.mark.parametrize("action", ["block", "flag"])
async def test_of_many_sentences_at_once_few_are_checked_at_a_time(action) -> None:
    in_force(action)

    async def says(text: str) -> Verdict:
        await asyncio.sleep(0)
        return await by_words(text)

    gate, answer, services, work = gate_of(says)
    await put(gate, work, Chunk("Good. " * 200), DONE)

    assert services.most == AHEAD
    assert len(services.asked) == 200
    assert answer.text == "Good. " * 200


async def test_an_engine_waits_for_what_is_flagged_if_there_is_much_of_it() -> None:
    in_force("flag")
    let = asyncio.Event()

    async def says(_text: str) -> Verdict:
        await let.wait()
        return Verdict()

    gate, answer, services, work = gate_of(says)
    chunks = [Chunk("Good! ") for _ in range(2 * BESIDE)]
    said = asyncio.create_task(put(gate, work, *chunks, DONE))
    # A sentence ends where the next one begins.
    await eventually(lambda: len(sentences(answer.text)) == BESIDE + 1)
    await asyncio.sleep(0.01)
    assert len(sentences(answer.text)) == BESIDE + 1
    assert services.open == AHEAD
    let.set()
    await said
    assert len(services.asked) == 2 * BESIDE


async def test_what_is_given_up_asks_nobody_any_more() -> None:
    in_force("flag")

    async def says(_text: str) -> Verdict:
        await asyncio.Event().wait()
        return Verdict()

    gate, _answer, services, work = gate_of(says)
    async with work:
        await gate.put(Chunk("Good! " * 50))
        await eventually(lambda: services.open == AHEAD)
        gate.close()
        await eventually(lambda: services.open == 0)
    assert len(services.asked) == AHEAD


async def test_so_many_findings_of_one_answer_and_no_more() -> None:
    in_force("flag")
    gate, _answer, _services, work = gate_of()
    found = 0
    async with work:
        for _ in range(3):
            await gate.put(Chunk("bad! " * (MOST_OF_ONE - 10)))
            await gate.late()
            found += len(gate.found())
    assert found == MOST_OF_ONE


async def test_text_without_an_end_is_checked_all_the_same() -> None:
    in_force("block")
    gate, answer, services, work = gate_of()
    async with work:
        for _ in range(LONGEST + 1):
            await gate.put(Chunk("字"))
        assert len(gate.held("text")) <= LONGEST + 1
        await eventually(lambda: answer.text == "字" * LONGEST)
        await gate.put(DONE)
    assert max(map(len, services.asked)) == LONGEST


async def test_a_block_lets_nothing_out_and_counts_the_tokens() -> None:
    in_force("block")
    said = [
        Chunk(part, tokens=1) for part in ("Fine. ", "It is ", "bad", ". And", " so")
    ]
    gate, answer, _services, work = gate_of()
    with pytest.raises(Refused):
        await put(gate, work, *said, DONE)

    assert answer.text == "Fine. "
    assert sum(chunk.tokens for chunk in answer.chunks) == 5
    assert answer.others == []
    [found] = gate.found()
    assert (found.rule, found.action, found.categories) == (
        "rule 0",
        "block",
        "violence",
    )
    assert (found.part, found.start, found.end) == ("text", 6, 17)
    assert found.text == "It is bad. "


async def test_what_is_flagged_leaves_at_once_and_is_noted_by_the_end() -> None:
    in_force("flag")
    let = asyncio.Event()

    async def says(text: str) -> Verdict:
        await let.wait()
        return await by_words(text)

    gate, answer, _services, work = gate_of(says)
    async with work:
        await gate.put(Chunk("It is b"))
        assert answer.text == "It is b"
        await gate.put(Chunk("ad. So"))
        assert answer.text == "It is bad. So"
        assert gate.found() == []
        let.set()
        await gate.put(DONE)
    assert [found.text for found in gate.found()] == ["It is bad. "]


async def test_without_a_verdict_it_passes_and_is_noted_once() -> None:
    in_force("block")
    answer, _services, gate = await through(Chunk("x! x! x! Good."), DONE)

    assert answer.text == "x! x! x! Good."
    [found] = gate.found()
    assert (found.failure, found.text, found.action) == ("timeout", "", "block")


async def test_without_a_verdict_it_ends_where_a_rule_wants_one() -> None:
    in_force("mask", closed=True)
    gate, answer, _services, work = gate_of()
    said = [Chunk("Good! ", tokens=2), Chunk("x. Y", tokens=3)]
    with pytest.raises(EngineError) as error:
        await put(gate, work, *said, DONE)

    assert (error.value.code, error.value.retryable) == ("check_unavailable", True)
    assert answer.text == "Good! "
    assert sum(chunk.tokens for chunk in answer.chunks) == 5
    assert [found.failure for found in gate.found()] == ["timeout"]


async def test_reasoning_and_arguments_of_calls_are_sentences_of_their_own() -> None:
    in_force("mask")
    answer, services, _gate = await through(
        Chunk(reasoning="so bad"),
        Chunk("good"),
        call('{"a": "b', name="f"),
        call('ad"}'),
        call('{"c": 1}', 1, "g"),
        DONE,
    )
    assert services.asked == ["so bad", "good", '{"a": "bad"}', '{"c": 1}']
    assert answer.part("reasoning") == MASK * 6
    assert answer.text == "good"
    assert answer.part(0) == MASK * 12
    assert answer.part(1) == '{"c": 1}'


async def test_a_call_behind_a_block_is_not_named() -> None:
    in_force("block")
    gate, answer, _services, work = gate_of()
    with pytest.raises(Refused):
        await put(gate, work, call("{bad}", name="f"), call("{}", 1, "secret"), DONE)

    names = [piece.name for chunk in answer.chunks for piece in chunk.tool_calls]
    assert names == []
    assert sum(chunk.tokens for chunk in answer.chunks) == 2


async def test_what_is_broken_off_leaves_its_tokens_only() -> None:
    in_force("block")

    async def says(_text: str) -> Verdict:
        await asyncio.Event().wait()
        return Verdict()

    gate, answer, services, work = gate_of(says)
    said = asyncio.create_task(put(gate, work, Chunk("One. Two", tokens=3), DONE))
    await eventually(lambda: services.open == 2)
    said.cancel()
    await asyncio.wait([said])
    answer.take(gate.rest([Chunk(" and so", tokens=1)]))

    assert answer.text == ""
    assert sum(chunk.tokens for chunk in answer.chunks) == 4
    await eventually(lambda: services.open == 0)


async def test_rules_that_change_meanwhile() -> None:
    gate, answer, services, work = gate_of()
    async with work:
        assert gate.open
        answer.take([Chunk("Before bad. ")])
        in_force("flag")
        assert not gate.open
        await gate.put(Chunk("Shown bad"))
        in_force("mask")
        await gate.put(Chunk(", hidden bad. "))
        rulebook.known = NO_RULES
        await gate.put(Chunk("Open bad."))
        await gate.put(DONE)

    assert answer.text == "Before bad. Shown bad" + MASK * 14 + "Open bad."
    assert services.asked == ["Shown bad", ", hidden bad. "]
    places = {(found.start, found.end) for found in gate.found()}
    assert places == {(12, 21), (21, 35)}


def test_a_call_without_arguments_is_no_text() -> None:
    in_force("block")
    head = Chunk(tokens=1, tool_calls=(CallPiece(0, "id0", "f", ""),))
    answer, services, _gate = asyncio.run(through(head, DONE))

    assert services.asked == []
    assert answer.chunks[0].tool_calls[0].name == "f"
