"""Whether a model fits into memory, before it is loaded into it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import torch

from chat.engines.base import EngineError
from chat.engines.local.fetching import in_gb
from chat.engines.local.weights import Stored

WORKING_BYTES = 128 * 2**20
"""What a step needs besides weights and cache, and the cache at its least."""
USABLE_SHARE = 0.8
SMALLER = "Choose a smaller model, let CHAT_QUANTIZATION make it smaller, or make room."
CGROUP = Path("/sys/fs/cgroup")


def weight_bytes(tensors: Iterable[Stored], itemsize: int) -> int:
    """In memory, where floats take so many bytes each."""
    return sum(tensor.bytes_as(itemsize) for tensor in tensors)


def refuse_without_room(
    name: str,
    weights: int,
    at_first: int,
    cache: int | None,
    place: str,
    budget: int | None,
    advice: str = SMALLER,
) -> None:
    """Raises EngineError `out_of_memory`. All in bytes; `at_first`: of the weights
    before they are rounded. A cache of no stated size takes what is there. A stated
    budget is believed."""
    needed = weights + WORKING_BYTES + (cache or 0)
    if budget is not None:
        compare(name, needed, budget, "CHAT_LOCAL_MEMORY_MB allows", advice)
        return
    if place.startswith("cuda"):
        free, _total = torch.cuda.mem_get_info(place)
        compare(name, needed, free, "the GPU has", advice)
        needed = 0
    compare(name, max(needed, at_first), free_memory(), "this machine has", advice)


def compare(name: str, needed: int, free: int, whose: str, advice: str) -> None:
    if needed > free:
        raise EngineError(
            "out_of_memory",
            f"{name} does not fit into memory: it takes {in_gb(needed)}, and {whose}"
            f" {in_gb(free)}. {advice}",
        )


def usable_memory() -> int:
    """What all models of this process may take where nobody says how much."""
    if torch.cuda.is_available():
        free, _total = torch.cuda.mem_get_info()
        return int(free * USABLE_SHARE)
    return int(free_memory() * USABLE_SHARE)


def free_memory() -> int:
    """Bytes this process may still take, in a container, too."""
    free: int = psutil.virtual_memory().available
    limit = read_number(CGROUP / "memory.max")
    used = read_number(CGROUP / "memory.current")
    if limit is None or used is None:
        return free
    return min(free, limit - used + reclaimable())


def reclaimable() -> int:
    """Of what counts as used: pages of files, which go where room is needed."""
    try:
        for line in (CGROUP / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def read_number(path: Path) -> int | None:
    """None where there is no such file, or no limit ("max")."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
