"""Guessing ahead changes how soon tokens come, and never which."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from chat.engines.base import EngineError
from chat.engines.local import LocalEngine
from chat.engines.local.sampling import Chooser
from chat.engines.local.speculation import FEW, Source
from tests.engines.helpers import ask, collect, collect_some, eventually
from tests.engines.tiny import make_model, with_ends

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARAMS = {
    "greedy": {"temperature": 0},
    "seeded": {"temperature": 1.2, "seed": 5},
    "truncated": {"temperature": 1.0, "top_k": 50, "top_p": 0.9, "min_p": 0.02},
    "penalised": {"temperature": 0, "repetition_penalty": 1.3},
    "both": {"temperature": 0.9, "repetition_penalty": 1.2, "seed": 9},
}


class Parrot:
    """Knows what the model will say, but for every `wrong`th token."""

    def __init__(self, wrong: int = 10**9) -> None:
        self.wrong = wrong
        self.replies: list[tuple[int, ...]] = []
        self.drafts: list[list[int]] = []

    def draft(
        self, name: str, ids: Sequence[int], count: int, chooser: Chooser
    ) -> list[int]:
        said = tuple(ids[-2:])
        for reply in self.replies:
            for end in range(2, len(reply)):
                if reply[end - 2 : end] == said:
                    draft = list(reply[end : end + count])
                    draft = [
                        (token + 1) % 200 if (end + n) % self.wrong == 0 else token
                        for n, token in enumerate(draft)
                    ]
                    self.drafts.append(draft)
                    return draft
        return []

    def forget(self, name: str) -> None: ...


class Broken(Parrot):
    def draft(self, *_args: object) -> list[int]:
        raise RuntimeError("the draft model failed")


def let_guess(engine: LocalEngine, drafter: Parrot, most: int = 8) -> None:
    engine._worker._speculator._sources = [Source("parrot", drafter, most)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guessing(tiny_folder: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(str(tiny_folder), cache_size=16_384)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
def steps(guessing, monkeypatch) -> Callable[[], int]:
    """How many steps the model has made since."""
    forward, count = guessing._worker.model.forward, 0

    def counting(*args: object, **options: object) -> object:
        nonlocal count
        count += 1
        return forward(*args, **options)

    monkeypatch.setattr(guessing._worker.model, "forward", counting)
    return lambda: count


@pytest.mark.parametrize(
    ("kind", "wrong"), [*((kind, 5) for kind in PARAMS), ("greedy", 10**9)]
)
async def test_it_says_what_it_says_without(local, guessing, steps, kind, wrong):
    request = ask("Tell me", max_tokens=40, **{"seed": 1, **PARAMS[kind]})
    alone = await collect(local, request)
    parrot = Parrot(wrong)
    parrot.replies = [alone.token_ids]
    let_guess(guessing, parrot)

    answer = await collect(guessing, request)

    assert answer.token_ids == alone.token_ids
    assert (answer.text, answer.finished) == (alone.text, alone.finished)
    assert steps() < 40


async def test_nonsense_costs_few_steps_and_changes_nothing(local, guessing, steps):
    request = ask(max_tokens=100, temperature=0)
    alone = await collect(local, request)
    parrot = Parrot(wrong=1)
    parrot.replies = [alone.token_ids]
    let_guess(guessing, parrot)

    assert (await collect(guessing, request)).token_ids == alone.token_ids
    assert steps() == 100
    assert len(parrot.drafts) <= 8


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
async def test_it_ends_where_it_has_to(local, guessing, limit):
    whole = await collect(local, ask(max_tokens=20, temperature=0))
    parrot = Parrot()
    parrot.replies = [whole.token_ids]
    let_guess(guessing, parrot)
    answer = await collect(guessing, ask(max_tokens=limit, temperature=0))
    assert answer.token_ids == whole.token_ids[:limit]
    assert answer.finished.finish_reason == "length"
    assert answer.finished.completion_tokens == limit


async def test_it_stops_at_a_stop_string_within_a_draft(local, guessing):
    whole = await collect(local, ask(max_tokens=40, temperature=0))
    stop = (whole.text[13:16],)
    request = ask(max_tokens=40, temperature=0, stop=stop)
    alone = await collect(local, request)
    assert alone.finished.finish_reason == "stop"
    parrot = Parrot()
    parrot.replies = [whole.token_ids]
    let_guess(guessing, parrot)

    answer = await collect(guessing, request)

    assert (answer.text, answer.finished) == (alone.text, alone.finished)
    assert answer.token_ids == alone.token_ids


async def test_it_ends_at_an_end_of_sequence_token_within_a_draft(
    local, tiny_folder, tmp_path
):
    whole = await collect(local, ask(max_tokens=20, temperature=0))
    end = whole.token_ids.index(whole.token_ids[12])
    folder = with_ends(tiny_folder, tmp_path / "model", [whole.token_ids[end]])
    engine = LocalEngine(str(folder), cache_size=2048)
    await engine.start()
    try:
        parrot = Parrot()
        parrot.replies = [whole.token_ids]
        let_guess(engine, parrot)
        answer = await collect(engine, ask(max_tokens=20, temperature=0))
        assert answer.token_ids == whole.token_ids[: end + 1]
        assert answer.finished.finish_reason == "stop"
        assert answer.finished.completion_tokens == end + 1
    finally:
        await engine.stop()


async def test_it_fills_context_and_cache_exactly(tiny_folder, tmp_path):
    folder = with_ends(tiny_folder, tmp_path / "endless", [])
    engine = LocalEngine(str(folder), cache_size=128, lookup_tokens=16)
    await engine.start()
    try:
        answer = await collect(engine, ask(max_tokens=100_000, temperature=0))
        assert answer.prompted.prompt_tokens + answer.tokens == 128
        assert engine._worker.last_error is None
    finally:
        await engine.stop()


@pytest.mark.parametrize("kind", ["greedy", "truncated", "both"])
async def test_either_goes_on_where_the_other_was_cut_off(local, guessing, kind):
    options = {"max_tokens": 40, "seed": 1, **PARAMS[kind]}
    whole = await collect(local, ask(**options))
    parrot = Parrot(wrong=5)
    parrot.replies = [whole.token_ids]
    let_guess(guessing, parrot)
    for first, second in ((local, guessing), (guessing, local)):
        begun = await collect_some(first, ask(**options), 20)
        rest = await collect(second, ask(progress=begun.progress(), **options))
        assert begun.token_ids + rest.token_ids == whole.token_ids
        assert begun.text + rest.text == whole.text


async def test_the_next_turn_may_build_on_what_was_guessed(local, guessing):
    """Pages of the cache hold what was said, and nothing that was only guessed."""
    whole = await collect(local, ask("x" * 50, max_tokens=90, temperature=0))
    parrot = Parrot(wrong=4)
    parrot.replies = [whole.token_ids]
    let_guess(guessing, parrot)
    request = ask("x" * 50, max_tokens=60, temperature=0)
    begun = await collect(guessing, request)

    again = ask("x" * 50, max_tokens=90, temperature=0, progress=begun.progress())
    rest = await collect(guessing, again)

    assert begun.token_ids + rest.token_ids == whole.token_ids


async def test_it_guesses_for_a_few_and_batches_many(local, guessing):
    requests = [
        ask(f"{n}", id=f"{n}", max_tokens=50, temperature=1.0, seed=n)
        for n in range(FEW + 3)
    ]
    alone = [await collect(local, each) for each in requests]
    parrot = Parrot(wrong=6)
    parrot.replies = [answer.token_ids for answer in alone]
    let_guess(guessing, parrot)
    few = await asyncio.gather(*(collect(guessing, one) for one in requests[:FEW]))
    assert parrot.drafts
    assert [a.token_ids for a in few] == [a.token_ids for a in alone[:FEW]]
    speculator = guessing._worker._speculator
    await eventually(lambda: not speculator._guessed)

    parrot.drafts.clear()
    state = type("State", (), {"tokens_to_process": [1, 2, 3]})
    many = [state() for _ in range(FEW + 1)]
    speculator.draft(many, None, 128)
    assert [each.tokens_to_process for each in many] == [[1]] * (FEW + 1)
    assert parrot.drafts == []
    all_of_them = await asyncio.gather(*(collect(guessing, one) for one in requests))
    assert [a.token_ids for a in all_of_them] == [a.token_ids for a in alone]


async def test_it_answers_more_than_the_cache_holds_at_once(tiny_folder, local):
    requests = [ask(f"{n}", id=f"{n}", max_tokens=100, temperature=0) for n in range(4)]
    engine = LocalEngine(str(tiny_folder), cache_size=256, lookup_tokens=16)
    await engine.start()
    try:
        crowded = await asyncio.gather(*(collect(engine, each) for each in requests))
        assert engine._worker.last_error is None
    finally:
        await engine.stop()
    for request, answer in zip(requests, crowded, strict=True):
        assert answer.token_ids == (await collect(local, request)).token_ids


async def test_a_cancelled_one_leaves_nothing_behind(local, guessing):
    whole = await collect(local, ask(max_tokens=40, temperature=0))
    parrot = Parrot(wrong=9)
    parrot.replies = [whole.token_ids]
    let_guess(guessing, parrot)
    await collect_some(guessing, ask(max_tokens=300, temperature=0), 9)
    scheduler = guessing._worker.batch_processor.scheduler
    await eventually(lambda: not scheduler.has_pending_requests())
    await eventually(lambda: not guessing._worker._speculator._guessed)


async def test_a_draft_model_that_fails_costs_nobody_an_answer(local, guessing):
    request = ask(max_tokens=30, temperature=0)
    let_guess(guessing, Broken())
    answer = await collect(guessing, request)
    assert answer.token_ids == (await collect(local, request)).token_ids
    assert guessing._worker._speculator._sources == []
    assert guessing._worker.last_error is None


async def test_the_watchdog_sees_a_draft_that_hangs(guessing):
    seen: list[float] = []

    class Slow(Parrot):
        def draft(self, *_args: object) -> list[int]:
            seen.append(guessing._worker.step_seconds)
            return []

    let_guess(guessing, Slow())
    await collect(guessing, ask(max_tokens=3))
    assert seen
    assert min(seen) > 0


async def test_it_counts_what_was_guessed_and_accepted(local, guessing):
    counted: list[tuple[str, int, int]] = []
    whole = await collect(local, ask(max_tokens=30, temperature=0))
    parrot = Parrot()
    parrot.replies = [whole.token_ids]
    let_guess(guessing, parrot)
    guessing._worker._speculator._count = lambda *counts: counted.append(counts)
    await collect(guessing, ask(max_tokens=30, temperature=0))
    await eventually(lambda: bool(counted))
    drafted = sum(map(len, parrot.drafts))
    assert counted == [("parrot", drafted, drafted)]


async def test_a_draft_model_and_the_text_guess_for_a_request(
    tiny_folder, local, scrape
):
    engine = LocalEngine(
        str(tiny_folder),
        cache_size=16_384,
        lookup_tokens=16,
        draft_model=str(tiny_folder),
    )
    await engine.start()
    try:
        for params in ({"temperature": 0}, {"temperature": 1.1, "seed": 4}):
            request = ask("Say it", max_tokens=40, **params)
            alone = await collect(local, request)
            assert (await collect(engine, request)).token_ids == alone.token_ids
        speculator = engine._worker._speculator
        await eventually(lambda: not speculator._guessed)
        model = speculator._sources[-1].drafter
        assert model._readings == {}
    finally:
        await engine.stop()
    # The same model with the same seeds says the same: rounding aside, all is right.
    right, wrong = scrape(engine, "draft_model")
    assert right > 10 * wrong


@pytest.fixture
def scrape() -> Callable[[LocalEngine, str], tuple[float, float]]:
    from prometheus_client import REGISTRY  # noqa: PLC0415

    def values(engine: LocalEngine, source: str) -> tuple[float, float]:
        labels = {"model": engine.models[0].id, "source": source}
        name = "chatsite_draft_tokens_total"
        right, wrong = (
            REGISTRY.get_sample_value(name, {**labels, "outcome": outcome})
            for outcome in ("accepted", "rejected")
        )
        return right or 0.0, wrong or 0.0

    return values


async def test_a_long_prompt_is_read_in_portions_by_the_draft_model(tiny_folder, local):
    engine = LocalEngine(
        str(tiny_folder), cache_size=16_384, draft_model=str(tiny_folder)
    )
    await engine.start()
    try:
        request = ask("x" * 400, max_tokens=40, temperature=0)
        alone = await collect(local, request)
        assert (await collect(engine, request)).token_ids == alone.token_ids
    finally:
        await engine.stop()


async def test_it_keeps_nothing_of_requests_that_are_over(guessing):
    parrot = Parrot()
    parrot.replies.append((await collect(guessing, ask("a", max_tokens=20))).token_ids)
    let_guess(guessing, parrot)
    for _request in range(3):
        await collect(guessing, ask("a", max_tokens=20))
    speculator = guessing._worker._speculator
    assert parrot.drafts
    await eventually(lambda: not (speculator._guessed or speculator._by))


async def test_it_refuses_a_draft_model_that_reads_otherwise(tiny_folder, tmp_path):
    folder = make_model(tmp_path / "other", hidden_size=16)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"<|endoftext|>"', '"<|end|>"'))
    engine = LocalEngine(str(tiny_folder), draft_model=str(folder))
    with pytest.raises(EngineError, match="another tokenizer") as raised:
        await engine.start()
    assert raised.value.code == "draft_model_unfit"
    assert engine._worker is None


async def test_it_says_that_the_draft_model_is_missing(tiny_folder):
    engine = LocalEngine(str(tiny_folder), draft_model="/nowhere/at/all")
    with pytest.raises(EngineError, match="/nowhere/at/all"):
        await engine.start()


async def test_it_measures_the_draft_model_with_the_model(tiny_folder):
    alone = LocalEngine(str(tiny_folder))
    both = LocalEngine(str(tiny_folder), draft_model=str(tiny_folder))
    weights = (tiny_folder / "model.safetensors").stat().st_size
    assert await both.measure() > await alone.measure() + weights // 2
