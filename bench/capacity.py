"""How many processes so many users need: arithmetic on what was measured.

    python -m bench.capacity [--users 50000]

docs/capacity.md explains it, and has what this prints; a test holds them together.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from .table import table

USERS = (100, 1_000, 10_000, 100_000, 1_000_000)

# What people do. Change these first: they matter most.
LIVE_SHARE = 0.1
"""Of all users, those whose answer is being written at the busiest moment."""
RATE = 20
"""Tokens a second of an answer: faster than anybody reads."""
ANSWER_TOKENS = 400

# What it costs: `bench.roles` and `bench.tape`, by the processor's clock.
WEB_START_MS, WEB_TOKEN_US = 13.0, 43.0
RUNNER_START_MS, RUNNER_TOKEN_US = 14.7, 109.0
COSTS = {
    "web": (WEB_START_MS, WEB_TOKEN_US),
    "runner": (RUNNER_START_MS, RUNNER_TOKEN_US),
}
POSTGRES_START_MS, POSTGRES_TOKEN_US = 9.6, 46.7
TAIL_US, TAPE_BYTES = 9.0, 77
REDIS_US = 0.5
"""A token's, for two processes that tail."""

# What is kept free.
BUSY = 0.6
"""Of a core, at most, at the busiest moment: a restart doubles what is left."""
CELL_STREAMS = 1_500
"""Live streams of one site at most: each of its processes hears every token of it."""
CONNECTIONS = 10
"""To the database, of a process."""


@dataclass(frozen=True, slots=True)
class Site:
    """What serves so many live streams together, over one Redis and one PostgreSQL."""

    live: int

    @property
    def tokens(self) -> float:
        """A second."""
        return self.live * RATE

    @property
    def starts(self) -> float:
        """A second: each answer lasts as long as its tokens take."""
        return self.tokens / ANSWER_TOKENS

    @property
    def hearing(self) -> float:
        """Of a core, in every process, for the tape of the whole site."""
        return self.tokens * TAIL_US / 1e6

    @property
    def web(self) -> int:
        return self._processes("web")

    @property
    def runners(self) -> int:
        return self._processes("runner")

    def _processes(self, role: str) -> int:
        """Two at least, so that one may go."""
        return max(2, ceil(cores(self, role) / (BUSY - self.hearing)))

    @property
    def processes(self) -> int:
        return self.web + self.runners

    @property
    def redis_cores(self) -> float:
        return self.tokens * REDIS_US / 2 * self.processes / 1e6

    @property
    def postgres_cores(self) -> float:
        starts = self.starts * POSTGRES_START_MS / 1e3
        return starts + self.tokens * POSTGRES_TOKEN_US / 1e6

    @property
    def tape_mb(self) -> float:
        """In every process: all live answers, half written on average."""
        return self.live * ANSWER_TOKENS / 2 * TAPE_BYTES / 1e6

    @property
    def connections(self) -> int:
        return self.processes * CONNECTIONS


def cores(site: Site, role: str) -> float:
    """For all that processes of this kind do, but for hearing: that is each one's."""
    start_ms, token_us = COSTS[role]
    return site.starts * start_ms / 1e3 + site.tokens * (token_us - TAIL_US) / 1e6


def alone() -> int:
    """Live streams of one process that is web and runner, on SQLite."""
    token = WEB_TOKEN_US + RUNNER_TOKEN_US - TAIL_US
    start = (WEB_START_MS + RUNNER_START_MS) * 1e3 / ANSWER_TOKENS
    return int(BUSY * 1e6 / (RATE * (token + start)))


def cells(users: int) -> tuple[int, Site]:
    """How many sites, and one of them."""
    live = ceil(users * LIVE_SHARE)
    count = ceil(live / CELL_STREAMS)
    return count, Site(ceil(live / count))


def row(users: int) -> list[object]:
    count, site = cells(users)
    return [
        f"{users:,}",
        f"{ceil(users * LIVE_SHARE):,}",
        count,
        site.web,
        site.runners,
        f"{site.redis_cores:.2f}",
        f"{site.postgres_cores:.1f}",
        site.connections,
        f"{site.tape_mb:.0f}",
        f"{count * site.processes:,}",
    ]


HEAD = (
    *("users", "live streams", "sites", "web each", "runners each"),
    *("Redis cores each", "PostgreSQL cores each", "connections each"),
    *("tape MB a process", "processes in all"),
)


@dataclass(frozen=True, slots=True)
class Model:
    """On GPUs of one kind. Sizes are in the model's config.json."""

    name: str
    billions: float
    layers: int
    heads: int
    """For keys and values."""
    width: int
    gpus: int
    """Over which each layer is split: vLLM's `--tensor-parallel-size`."""

    @property
    def weights_gb(self) -> float:
        return self.billions * 2

    @property
    def token_kb(self) -> float:
        """A key and a value of two bytes, for each layer."""
        return 2 * self.layers * self.heads * self.width * 2 / 1e3

    @property
    def streams(self) -> int:
        """Of one replica, by its memory."""
        room = self.gpus * (GPU_GB * GPU_USED - WORKING_GB) - self.weights_gb
        return int(room * 1e6 / (self.token_kb * CONTEXT_TOKENS))

    @property
    def step_ms(self) -> float:
        """A token of each stream reads all weights and all keys and values once."""
        keys = self.streams * CONTEXT_TOKENS * self.token_kb / 1e6
        return (self.weights_gb + keys) / (self.gpus * GPU_GB_S) * 1e3


GPU_GB, GPU_GB_S = 80, 3350
"""Memory of an H100, and how much of it can be read in a second."""
GPU_USED, WORKING_GB = 0.9, 3
"""vLLM's `--gpu-memory-utilization`, and what it takes of that to compute."""
CONTEXT_TOKENS = 2_000
"""Of question, history and answer, on average."""
MODELS = (
    Model("Qwen3-8B", 8.2, 36, 8, 128, 1),
    Model("Qwen3-32B", 32.8, 64, 8, 128, 2),
    Model("Llama-3.3-70B", 70.6, 80, 8, 128, 4),
)
ENGINES = (
    *("model", "GPUs a replica", "weights GB", "KB a token", "streams a replica"),
    *("a step at least, ms", "replicas for 1,500 streams"),
)


def engine(model: Model) -> list[object]:
    return [
        model.name,
        model.gpus,
        f"{model.weights_gb:.0f}",
        f"{model.token_kb:.0f}",
        model.streams,
        f"{model.step_ms:.0f}",
        ceil(CELL_STREAMS / model.streams),
    ]


def costs() -> str:
    rows = [
        ("web process", WEB_START_MS, round(WEB_TOKEN_US - TAIL_US, 1)),
        ("runner", RUNNER_START_MS, round(RUNNER_TOKEN_US - TAIL_US, 1)),
        ("PostgreSQL", POSTGRES_START_MS, POSTGRES_TOKEN_US),
        ("Redis, for two that hear", "–", REDIS_US),
        ("hearing, in each process", "–", TAIL_US),
    ]
    return table(["", "ms a start", "µs a token"], rows)


def sites(users: Sequence[int] = USERS) -> str:
    return table(HEAD, map(row, users))


def engines() -> str:
    return table(ENGINES, map(engine, MODELS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, nargs="*", default=USERS)
    options = parser.parse_args()
    print(f"One process alone: {alone()} live streams\n")
    print(sites(options.users), engines(), sep="\n\n")


if __name__ == "__main__":
    main()
