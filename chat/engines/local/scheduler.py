"""Whose tokens the next step computes.

Replies that run go first, one token each. What is left of the step reads prompts: the
one with least left to read first, so that "hello" does not wait behind a book. Waiting
counts as having been read, so that the book's turn comes, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from transformers.generation.continuous_batching.requests import (
    RequestState,
    RequestStatus,
)
from transformers.generation.continuous_batching.scheduler import (
    SCHEDULER_MAPPING,
    FIFOScheduler,
)

NAME = "chatsite"
TOKENS_A_SECOND = 200
"""What a second of waiting is worth, in tokens of a prompt."""


def install() -> None:
    """The worker finds it by its name."""
    SCHEDULER_MAPPING[NAME] = FairScheduler


def rank(left: int, waited: float) -> float:
    """Of a prompt with so many tokens left, after so many seconds: lowest first."""
    return left - TOKENS_A_SECOND * waited


class FairScheduler(FIFOScheduler):
    speculate: Callable[[Sequence[RequestState], int], None] | None = None
    """Called with the replies that run and the tokens they may compute together."""

    def schedule_batch(self, token_budget: int, cache_budget: int) -> Any:
        """The library's own contract (`Scheduler.schedule_batch`); None in the place
        of requests where the cache is full."""
        now = time.perf_counter()
        running: list[RequestState] = []
        reading: list[RequestState] = []
        for state in self.active_requests.values():
            decodes = state.status == RequestStatus.DECODING
            (running if decodes else reading).append(state)
        waiting = [] if self.block_new_requests else self._get_waiting_candidates()
        prompts = sorted(
            reading + waiting,
            key=lambda prompt: rank(
                len(prompt.remaining_prefill_tokens), now - prompt.created_time
            ),
        )
        if self.speculate is not None:
            self.speculate(running, 0 if prompts else token_budget)
        taken: set[str] = set()
        scheduled, full, fast, queries, reads = self._process_candidates(
            [*running, *prompts], token_budget, cache_budget, taken
        )
        self._cleanup_waiting_queue(taken)
        if not scheduled and full:
            return None, fast, 0, 0
        return scheduled, fast, queries, reads
