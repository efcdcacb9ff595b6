"""Tokens a second of the local engine against one `generate` thread per request.

    python -m bench.engine [--requests 1 8 32] [--tokens 64] [--model FOLDER] [--json]

Both run the same weights, prompts and greedy decoding on the same machine, one
after the other. Without a model the demo is taken, or where that is not built a
random one of its size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chat.engines.base import ChatMessage, EngineRequest, Finished, Params
from chat.engines.local import LocalEngine
from chat.engines.local.loading import Loaded, load
from tests.engines.tiny import make_model

from .table import table

DEMO = Path(__file__).resolve().parent.parent / "demo" / "model"
DEMO_SIZE = {"hidden_size": 192, "num_hidden_layers": 6}
WARM_UP_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Result:
    """Tokens a second over all requests together."""

    requests: int
    engine: float
    threads: float

    @property
    def ratio(self) -> float:
        return self.engine / self.threads


def messages(number: int) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=f"Tell me a story, number {number}.")]


async def measure_engine(engine: LocalEngine, requests: int, tokens: int) -> float:
    began = time.perf_counter()
    counts = await asyncio.gather(
        *(answer(engine, number, tokens) for number in range(requests))
    )
    return sum(counts) / (time.perf_counter() - began)


async def answer(engine: LocalEngine, number: int, tokens: int) -> int:
    params = Params(temperature=0.0, max_tokens=tokens)
    request = EngineRequest(f"{number}", "bench", messages(number), params)
    count = 0
    async for event in engine.stream(request):
        if isinstance(event, Finished):
            count = event.completion_tokens or 0
    return count


def measure_threads(loaded: Loaded, requests: int, tokens: int) -> float:
    """The design of most tutorials: every request calls `generate` in a thread."""
    counts: list[int] = []
    threads = [
        threading.Thread(target=generate, args=(loaded, number, tokens, counts))
        for number in range(requests)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def generate(loaded: Loaded, number: int, tokens: int, counts: list[int]) -> None:
    inputs: Any = loaded.tokenizer.apply_chat_template(
        messages(number),
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    output = loaded.model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        do_sample=False,
        max_new_tokens=tokens,
    )
    counts.append(output.shape[1] - inputs["input_ids"].shape[1])


async def compare(folder: Path, requests: list[int], tokens: int) -> list[Result]:
    engine = LocalEngine(str(folder))
    await engine.start()
    await measure_engine(engine, max(requests), WARM_UP_TOKENS)
    ours = [await measure_engine(engine, number, tokens) for number in requests]
    await engine.stop()
    loaded = load(str(folder), lambda _text: None)
    measure_threads(loaded, 1, WARM_UP_TOKENS)
    theirs = [measure_threads(loaded, number, tokens) for number in requests]
    return [Result(*values) for values in zip(requests, ours, theirs, strict=True)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--model", type=Path, default=DEMO)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with TemporaryDirectory() as scratch:
        folder = options.model
        if not (folder / "config.json").exists():
            folder = make_model(Path(scratch), **DEMO_SIZE)
        results = asyncio.run(compare(folder, options.requests, options.tokens))
    if options.json:
        rows = [asdict(result) | {"ratio": result.ratio} for result in results]
        print(json.dumps(rows))
        return
    head = ("requests", "engine tokens/s", "threads tokens/s", "ratio")
    print(
        table(
            head,
            (
                (r.requests, round(r.engine), round(r.threads), f"{r.ratio:.1f} ×")
                for r in results
            ),
        )
    )


if __name__ == "__main__":
    main()
