"""How many of the processor's threads compute a step: measured, not guessed.

Threads that wait for each other cost more than they bring where a model is small: with
the demo model one thread writes twice as many tokens as two, and leaves the other core
to the readers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import linear

logger = logging.getLogger(__name__)

ALL = torch.get_num_threads()
"""Asked before any thread sets its own: later ones begin with the last that was set."""
TOKENS = 16
TRIES = 4
LARGE = 40_000_000
"""Of so many weights each product takes so long that waiting for each other is nothing:
no moment of a busy machine may decide against the other threads."""
WORTH = 1.25
"""More threads must be faster by that."""


def settle(model: Any) -> None:
    """In the thread that computes: a number of threads belongs to the one it was
    set in."""
    weights = [
        layer.weight for layer in model.modules() if isinstance(layer, torch.nn.Linear)
    ]
    plain = all(type(weight.data) is torch.Tensor for weight in weights)
    size = sum(weight.numel() for weight in weights)
    if weights and weights[0].device.type == "cpu":
        small = plain and size < LARGE
        chosen = fewest(ALL, timed(weights)) if small else ALL
        torch.set_num_threads(chosen)
        logger.info("%d threads compute", chosen)


def timed(weights: Sequence[Any]) -> Callable[[int], float]:
    """Seconds that all products of a step of so many tokens take with so many
    threads."""
    widths = {weight.shape[1] for weight in weights}
    inputs = {
        width: torch.ones(TOKENS, width, dtype=weights[0].dtype) for width in widths
    }

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        began = time.perf_counter()
        with torch.inference_mode():
            for weight in weights:
                linear(inputs[weight.shape[1]], weight)
        return time.perf_counter() - began

    return seconds


def fewest(most: int, seconds: Callable[[int], float]) -> int:
    """The fewest threads with which it is about as fast as with any. In turns, and the
    best try of each counts: other programs only ever make it slower."""
    if most == 1:
        return 1
    seconds(most)  # the first one prepares what the others find
    numbers = [1 << power for power in range(most.bit_length()) if 1 << power < most]
    numbers.append(most)
    tries = [[seconds(number) for number in numbers] for _ in range(TRIES)]
    best = [min(times) for times in zip(*tries, strict=True)]
    enough = WORTH * min(best)
    return next(n for n, took in zip(numbers, best, strict=True) if took <= enough)
