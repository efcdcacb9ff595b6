"""What guessing ahead gains and costs: one request at a time, with and without.

    python -m bench.guesses [--rounds 2] [--layers 20] [--json]

The demo model answers questions, and answers them again in the same conversation, where
it repeats what stands there; the text itself guesses. Then a model that says the same
but takes more time for it (the demo model with layers that do nothing) answers, and a
draft model guesses: the demo model, and one whose weights were shaken, so that it is
often wrong. Processor time is compared, which other programs disturb less than hours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from prometheus_client import REGISTRY
from transformers import AutoModelForCausalLM, AutoTokenizer

from chat.engines.base import ChatMessage, Chunk, EngineRequest, ModelInfo, Params
from chat.engines.local import LocalEngine

from .table import table

DEMO = Path(__file__).resolve().parent.parent / "demo" / "model"
QUESTIONS = (
    "Hello, how are you?",
    "Tell me a long story about a dog.",
    "What is Chatsite?",
    "Count from 1 to 30.",
    "What is 17 + 25?",
    "Show me a table.",
    "Give me a list of features.",
    "How are generations resumed?",
)
CACHE = 16_384
LOOKUP = 16
TOKENS = 120
SHAKEN = 0.3
Messages = list[ChatMessage]


@dataclass(frozen=True, slots=True)
class Result:
    """Answers in tokens a second of processor time; `right`: share of the guesses."""

    what: str
    without: float
    guessing: float
    right: float
    same: bool

    @property
    def ratio(self) -> float:
        return self.guessing / self.without


@dataclass(slots=True)
class Spent:
    """Over all rounds. `ids`: of the answers of the last one."""

    tokens: int = 0
    seconds: float = 0.0
    ids: list[tuple[int, ...]] | None = None

    @property
    def speed(self) -> float:
        return self.tokens / self.seconds


async def answer(
    engine: LocalEngine, messages: Messages
) -> tuple[str, tuple[int, ...]]:
    params = Params(temperature=0.0, max_tokens=TOKENS)
    text = ""
    ids: tuple[int, ...] = ()
    request = EngineRequest("bench", "bench", messages, params)
    async for event in engine.stream(request):
        if isinstance(event, Chunk):
            text, ids = text + event.text, (*ids, *event.token_ids)
    return text, ids


async def spend(engine: LocalEngine, asked: list[Messages], spent: Spent) -> None:
    began = time.process_time()
    said = [(await answer(engine, messages))[1] for messages in asked]
    spent.seconds += time.process_time() - began
    spent.tokens += sum(map(len, said))
    spent.ids = said


async def compare(
    what: str,
    without: LocalEngine,
    guessing: LocalEngine,
    asked: list[Messages],
    rounds: int,
) -> Result:
    """In turns, so that both see the same machine."""
    one, other = Spent(), Spent()
    before = guessed(guessing)
    for _round in range(rounds):
        await spend(without, asked, one)
        await spend(guessing, asked, other)
    await asyncio.sleep(0.5)  # what was guessed is counted behind an answer's end
    right, wrong = (
        now - then for now, then in zip(guessed(guessing), before, strict=True)
    )
    share = right / (right + wrong) if right + wrong else 0.0
    return Result(what, one.speed, other.speed, share, one.ids == other.ids)


def guessed(engine: LocalEngine) -> tuple[float, float]:
    """Tokens accepted and rejected so far, of whichever source."""
    counts = {"accepted": 0.0, "rejected": 0.0}
    for family in REGISTRY.collect():
        for sample in family.samples:
            labels = sample.labels
            if (
                sample.name == "chatsite_draft_tokens_total"
                and labels["model"] == engine.models[0].id
            ):
                counts[labels["outcome"]] += sample.value
    return counts["accepted"], counts["rejected"]


async def started(name: str, folder: Path, **options: object) -> LocalEngine:
    info = ModelInfo(name, name)
    engine = LocalEngine(str(folder), info, cache_size=CACHE, **options)  # type: ignore[arg-type]
    await engine.start()
    return engine


def make_slow(folder: Path, layers: int) -> None:
    """The demo model, and more layers that add nothing to what they are given."""
    model = AutoModelForCausalLM.from_pretrained(
        DEMO,
        dtype="float32",
        num_hidden_layers=5 + layers,
        layer_types=["full_attention"] * (5 + layers),
    )
    for layer in model.model.layers[5:]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    save(model, folder)


def make_shaken(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(DEMO, dtype="float32")
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 + SHAKEN * torch.randn_like(weight))
    save(model, folder)


def save(model: torch.nn.Module, folder: Path) -> None:
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(folder)


def question(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


async def measure_text(rounds: int) -> list[Result]:
    without = await started("without", DEMO)
    guessing = await started("text", DEMO, lookup_tokens=LOOKUP)
    first = [[question(text)] for text in QUESTIONS]
    again = [
        [*asked, ChatMessage(role="assistant", content=text), *asked]
        for asked in first
        for text, _ids in [await answer(without, asked)]
    ]
    results = [
        await compare("new answers, from the text", without, guessing, first, rounds),
        await compare("answers again, from the text", without, guessing, again, rounds),
    ]
    await without.stop()
    await guessing.stop()
    return results


async def measure_drafts(rounds: int, layers: int) -> list[Result]:
    results = []
    asked = [[question(text)] for text in QUESTIONS]
    with tempfile.TemporaryDirectory() as parent:
        slow, shaken = Path(parent, "slow"), Path(parent, "shaken")
        make_slow(slow, layers)
        make_shaken(shaken)
        without = await started("slow", slow)
        for what, draft in (("the same", DEMO), ("a shaken", shaken)):
            guessing = await started(what, slow, draft_model=str(draft))
            text = f"{layers} more layers, by {what} model"
            results.append(await compare(text, without, guessing, asked, rounds))
            await guessing.stop()
        await without.stop()
    return results


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    results = await measure_text(options.rounds)
    results += await measure_drafts(options.rounds, options.layers)
    if options.json:
        print(json.dumps([asdict(each) | {"ratio": each.ratio} for each in results]))
        return
    head = ("guessing", "without", "with", "ratio", "guesses right", "same tokens")
    print(
        table(
            head,
            (
                (
                    each.what,
                    round(each.without),
                    round(each.guessing),
                    f"{each.ratio:.2f} ×",
                    f"{each.right:.0%}",
                    "yes" if each.same else "no",
                )
                for each in results
            ),
        )
    )


if __name__ == "__main__":
    asyncio.run(run(arguments()))
