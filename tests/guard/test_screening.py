"""Chunks between the engine and the tape: their text, their tokens, their parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings

from chat.engines.base import Chunk, EngineEvent, Finished, Prompted
from chat.guard import MASK, Rule, compile_rules
from chat.screening import findings
from chat.screening.answers import Part, Screen, screened
from chat.screening.rulebook import NO_RULES, Rules, rulebook
from chat.tool_calls import CallPiece, joined
from tests.guard.test_stream import splits, texts

DONE = Finished("stop", 3, 7)


@dataclass
class Taken:
    """An answer, as a job takes it in."""

    chunks: list[Chunk] = field(default_factory=list)
    others: list[EngineEvent] = field(default_factory=list)

    def part(self, part: Part) -> str:
        if isinstance(part, str):
            names = {"text": "text", "reasoning": "reasoning"}
            return "".join(getattr(chunk, names[part]) for chunk in self.chunks)
        calls = joined(call for chunk in self.chunks for call in chunk.tool_calls)
        return "".join(call.arguments for call in calls if call.index == part)

    @property
    def text(self) -> str:
        return self.part("text")

    def take(self, events: Iterable[EngineEvent]) -> None:
        for event in events:
            kind = self.chunks if isinstance(event, Chunk) else self.others
            kind.append(event)  # type: ignore[arg-type]


def in_force(*rules: tuple[str, str, str]) -> None:
    made = [Rule(key, *rule, whole_words=False) for key, rule in enumerate(rules)]
    names = {key: f"rule {key}" for key in range(len(rules))}
    rulebook.known = Rules(answers=compile_rules(made), names=names)


def through(*events: EngineEvent) -> tuple[Taken, Screen]:
    answer = Taken()
    screen = Screen(answer)
    for event in events:
        answer.take(screen.through(event))
        if answer.others and isinstance(answer.others[-1], Finished):
            break
    return answer, screen


def call(arguments: str, index: int = 0, name: str = "") -> Chunk:
    piece = CallPiece(index, f"id{index}" if name else "", name, arguments)
    return Chunk(tokens=1, tool_calls=(piece,))


def test_without_rules_everything_passes_as_it_is() -> None:
    said = [Prompted(3), Chunk("a\0", "b", 1), DONE]
    answer, screen = through(*said)

    assert [*answer.others[:1], *answer.chunks, answer.others[1]] == said
    assert answer.chunks[0] is said[1]
    assert list(screen.rest()) == []


@given(splits(texts))
@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_token_leaves_with_its_text(split) -> None:
    text, pieces = split
    in_force(("keywords", "mask", "abc\n敏感词\ndd"), ("regex", "flag", r"\d{2}"))
    chunks = [Chunk(piece, "", 1, (at,)) for at, piece in enumerate(pieces)]
    answer = Taken()
    screen = Screen(answer)
    for chunk in [*chunks, DONE]:
        answer.take(screen.through(chunk))
        out = len(answer.chunks)
        # Who goes on behind these tokens, goes on behind exactly this text.
        assert len(answer.text) == sum(len(piece) for piece in pieces[:out])

    assert [chunk.token_ids for chunk in answer.chunks] == [c.token_ids for c in chunks]
    assert answer.text == screened(rulebook.known.answers, text)
    assert answer.others == [DONE]


def test_what_blocks_ends_the_answer() -> None:
    in_force(("keywords", "block", "forbidden"))
    said = [Chunk(part, tokens=1) for part in ("It is for", "bid", "den", " fruit")]
    answer, screen = through(*said, DONE)

    assert answer.text == "It is "
    assert answer.others == [Finished("content_filter")]
    assert sum(chunk.tokens for chunk in answer.chunks) == 3
    [found] = screen.found()
    assert (found.rule, found.action, found.text) == ("rule 0", "block", "forbidden")
    assert (found.part, found.start, found.end) == ("text", 6, 15)


def test_what_blocks_at_the_very_end_keeps_the_engines_counts() -> None:
    in_force(("regex", "block", "bad+"))
    answer, _screen = through(Chunk("so bad", tokens=2), DONE)

    assert answer.text == "so "
    assert answer.others == [Finished("content_filter", 3, 7)]


@pytest.mark.parametrize("action", ["mask", "block"])
def test_reasoning_and_calls_are_looked_at(action: str) -> None:
    in_force(("keywords", action, "secret"))
    end = MASK * 6 + "!" if action == "mask" else ""
    for chunks, part, expected in (
        ([Chunk(reasoning="a sec"), Chunk(reasoning="ret!")], "reasoning", "a " + end),
        ([call("{a sec", name="f"), call("ret!")], 0, "{a " + end),
        ([call("{}", name="f"), call("sec", 1, "g"), call("ret!", 1)], 1, end),
    ):
        answer, _screen = through(*chunks, DONE)
        assert answer.part(part) == expected

    answer, _screen = through(call("{}", name="my_secret"), DONE)
    [head] = [chunk.tool_calls[0] for chunk in answer.chunks]
    assert head.name == ("my_" + MASK * 6 if action == "mask" else "my_")
    assert head.id == "id0"


def test_a_part_that_goes_on_later_is_one_text() -> None:
    in_force(("keywords", "mask", "secret"))
    said = [Chunk(reasoning="a sec"), Chunk("sec"), Chunk(reasoning="ret"), Chunk("t")]
    answer, _screen = through(*said, DONE)

    assert answer.part("reasoning") == "a sec" + MASK * 3
    assert answer.text == "sect"


def test_text_and_reasoning_in_one_chunk() -> None:
    in_force(("keywords", "mask", "secret"))
    whole = Chunk("my secret", "a secret", 2, (1, 2), call("{}", name="f").tool_calls)
    answer, _screen = through(whole, DONE)

    assert answer.text == "my " + MASK * 6
    assert answer.part("reasoning") == "a " + MASK * 6
    assert answer.part(0) == "{}"
    assert sum(chunk.tokens for chunk in answer.chunks) == 2


def test_what_is_taken_out_later_hides_nothing() -> None:
    in_force(("keywords", "mask", "secret"))
    answer, _screen = through(Chunk("sec\0"), Chunk("\0ret"), DONE)

    assert answer.text == MASK * 6


def test_tokens_without_text_keep_their_place() -> None:
    in_force(("keywords", "mask", "secret"))
    answer, _screen = through(
        Chunk(tokens=1, token_ids=(1,)),
        Chunk("se", tokens=1, token_ids=(2,)),
        Chunk(tokens=1, token_ids=(3,)),
        Chunk("nd", tokens=1, token_ids=(4,)),
    )
    assert [chunk.token_ids for chunk in answer.chunks] == [(1,), (2,), (3,), (4,)]


def test_rules_that_change_meanwhile() -> None:
    answer = Taken()
    screen = Screen(answer)
    answer.take(screen.through(Chunk("open sec")))
    in_force(("keywords", "mask", "secret"))
    answer.take(screen.through(Chunk("ret sec")))
    assert answer.text == "open sec"
    in_force(("keywords", "mask", "sect"))
    answer.take(screen.through(Chunk("t an")))
    assert answer.text == "open sec" + MASK * 3 + " " + MASK * 4 + " an"
    answer.take(screen.through(Chunk(" se")))
    rulebook.known = NO_RULES
    answer.take(screen.through(Chunk("ct")))
    assert answer.text == "open sec" + MASK * 3 + " " + MASK * 4 + " an sect"


def test_rules_that_begin_to_block_what_is_held() -> None:
    in_force(("keywords", "mask", "secrets"))
    answer = Taken()
    screen = Screen(answer)
    answer.take(screen.through(Chunk("a secret")))
    in_force(("keywords", "block", "secret"))
    answer.take(screen.through(DONE))

    assert answer.text == "a "
    assert answer.others == [Finished("content_filter", 3, 7)]


def test_what_waits_is_said_when_it_is_broken_off() -> None:
    in_force(("keywords", "mask", "secret"))
    answer, screen = through(Chunk("a secr", tokens=2))
    assert answer.chunks == []

    answer.take(screen.rest())
    assert (answer.text, answer.chunks[0].tokens) == ("a secr", 2)
    assert list(screen.rest()) == []


def test_findings_are_bounded() -> None:
    in_force(("keywords", "flag", "ab"))
    _answer, screen = through(Chunk("ab " * 1000), DONE)

    assert len(screen.found()) == findings.MOST_OF_ONE
    assert screen.found() == []
