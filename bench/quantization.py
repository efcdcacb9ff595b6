"""Memory, speed and exactness of rounded weights, against the whole ones.

python -m bench.quantization [--shape qwen3-60m] [--requests 1,8,32] [--rounds 3]

All three engines are in memory at once and take turns, so that what else the machine
does meets all of them. Exactness is the demo model's, asked what `demo/corpus` asks it:
how many greedy answers stay the same, and how well the answers of the whole weights are
foretold (nats a token, with their questions).
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from chat.engines.base import ChatMessage, Chunk, EngineRequest, Finished, Params
from chat.engines.local import LocalEngine
from chat.engines.local.loading import Loaded, Wanted, load
from chat.engines.local.quantize import Quantization
from demo.corpus.probes import all_probes

from .engines.prompts import prompt
from .engines.shapes import DEMO, SHAPES, build
from .table import table

HOW: tuple[Quantization, ...] = ("none", "int8", "int4")
ANSWERS = 10
TOKENS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="qwen3-60m", choices=SHAPES)
    parser.add_argument("--requests", default="1,8,32")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    counts = [int(part) for part in asked.requests.split(",")]
    with TemporaryDirectory() as folder:
        build(Path(folder), asked.shape)
        speeds = asyncio.run(race(folder, counts, asked.rounds))
        sizes = {how: megabytes(rounded(folder, how)) for how in HOW}
    head = ["weights", f"{asked.shape}, MB"]
    head += [f"tokens/s, {count} requests" for count in counts]
    head += ["demo model, MB", "nats a token", f"same of {ANSWERS} answers"]
    demo = {how: rounded(str(DEMO), how) for how in HOW}
    said = {how: asyncio.run(answers(how)) for how in HOW}
    rows = [
        [
            how,
            f"{sizes[how]:.1f}",
            *(f"{speeds[how, count]:.0f}" for count in counts),
            f"{megabytes(demo[how]):.1f}",
            f"{surprise(demo[how], said['none']):.4f}",
            sum(a == b for a, b in zip(said["none"], said[how], strict=True)),
        ]
        for how in HOW
    ]
    print(table(head, rows))


def rounded(folder: str, how: Quantization) -> Loaded:
    return load(Wanted(folder, quantization=how), lambda _state: None)


def megabytes(loaded: Loaded) -> float:
    model = loaded.model
    tensors = (*model.parameters(), *model.buffers())
    found: dict[int, int] = {tensor.data_ptr(): tensor.nbytes for tensor in tensors}
    return sum(found.values()) / 10**6


async def race(
    folder: str, counts: Iterable[int], rounds: int
) -> dict[tuple[str, int], float]:
    """The best of the rounds, by weights and number of requests."""
    engines = {
        how: LocalEngine(folder, quantization=how, cache_bytes=2**28) for how in HOW
    }
    for engine in engines.values():
        await engine.start()
    best: dict[tuple[str, int], float] = {}
    for _ in range(rounds):
        for count in counts:
            for how, engine in engines.items():
                speed = await speed_of(engine, count)
                best[how, count] = max(best.get((how, count), 0), speed)
    for engine in engines.values():
        await engine.stop()
    return best


async def speed_of(engine: LocalEngine, count: int) -> float:
    """Tokens a second of so many requests together."""
    began = time.perf_counter()
    done = await asyncio.gather(
        *(reply(engine, prompt(n), f"{n}") for n in range(count))
    )
    return sum(tokens for _text, tokens in done) / (time.perf_counter() - began)


async def reply(engine: LocalEngine, text: str, name: str) -> tuple[str, int]:
    said = [ChatMessage(role="user", content=text)]
    params = Params(temperature=0.0, max_tokens=TOKENS)
    parts, tokens = [], 0
    async for event in engine.stream(EngineRequest(name, "bench", said, params)):
        if isinstance(event, Chunk):
            parts.append(event.text)
        elif isinstance(event, Finished):
            tokens = event.completion_tokens or 0
    return "".join(parts), tokens


async def answers(how: Quantization) -> list[str]:
    """Of the demo model, one after another."""
    engine = LocalEngine(str(DEMO), quantization=how, cache_bytes=2**26)
    await engine.start()
    found = [(await reply(engine, text, text))[0] for text in questions()]
    await engine.stop()
    return found


def questions() -> list[str]:
    return [turns[0] for _language, turns, _wanted in all_probes()][:ANSWERS]


def surprise(loaded: Loaded, answered: list[str]) -> float:
    """Mean of the negative logarithm of each next token's chance."""
    losses = []
    with torch.no_grad():
        for question, answer in zip(questions(), answered, strict=True):
            said = [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
            text = loaded.tokenizer.apply_chat_template(said, tokenize=False)
            ids = loaded.tokenizer(text, return_tensors="pt")["input_ids"]
            losses.append(float(loaded.model(input_ids=ids, labels=ids).loss))
    return sum(losses) / len(losses)


if __name__ == "__main__":
    main()
