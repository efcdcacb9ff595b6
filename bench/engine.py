"""Tokens a second of the local engine against one `generate` thread per request.

    python -m bench.engine [--requests 1 8 32] [--tokens 64] [--model FOLDER] [--json]

Both run the same weights, prompts and greedy decoding on the same machine, one
after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from chat.engines.base import ChatMessage, EngineRequest, Finished, Params
from chat.engines.local import LocalEngine

from .table import table
from .threads import messages

DEMO = Path(__file__).resolve().parent.parent / "demo" / "model"
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


def prompt(number: int) -> list[ChatMessage]:
    return [ChatMessage(role=m["role"], content=m["content"]) for m in messages(number)]


async def measure_engine(engine: LocalEngine, requests: int, tokens: int) -> float:
    began = time.perf_counter()
    counts = await asyncio.gather(
        *(answer(engine, number, tokens) for number in range(requests))
    )
    return sum(counts) / (time.perf_counter() - began)


async def answer(engine: LocalEngine, number: int, tokens: int) -> int:
    params = Params(temperature=0.0, max_tokens=tokens)
    request = EngineRequest(f"{number}", "bench", prompt(number), params)
    count = 0
    async for event in engine.stream(request):
        if isinstance(event, Finished):
            count = event.completion_tokens or 0
    return count


def measure_threads(folder: Path, requests: list[int], tokens: int) -> list[float]:
    """`bench.threads`, in a process without anything of ours."""
    numbers = [str(number) for number in requests]
    command = [sys.executable, "-m", "bench.threads", str(folder), str(tokens)]
    done = subprocess.run(command + numbers, stdout=subprocess.PIPE, check=True)
    speeds: list[float] = json.loads(done.stdout)
    return speeds


async def compare(folder: Path, requests: list[int], tokens: int) -> list[Result]:
    engine = LocalEngine(str(folder))
    await engine.start()
    await measure_engine(engine, max(requests), WARM_UP_TOKENS)
    ours = [await measure_engine(engine, number, tokens) for number in requests]
    await engine.stop()
    theirs = await asyncio.to_thread(measure_threads, folder, requests, tokens)
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
    results = asyncio.run(compare(options.model, options.requests, options.tokens))
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
