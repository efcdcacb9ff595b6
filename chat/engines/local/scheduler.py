"""Whose tokens the next step computes.

Replies that run go first, one token each. What is left of the step reads prompts: the
one with least left to read first, so that "hello" does not wait behind a book. Waiting
counts as having been read, so that the book's turn comes, too. How much it reads, is
measured: replies that run wait for it.
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

STEP_SECONDS = 0.1
"""What replies that run may wait while prompts are read."""
LEAST = 128
"""Tokens of a step, however slow the model: smaller ones hardly stall the replies that
run less, and a long prompt is read much later."""
WORTH = 64
"""Tokens of a step that says something about the model: less is mostly overhead."""
FADES = 0.98


def install() -> None:
    """The worker finds it by its name."""
    SCHEDULER_MAPPING[NAME] = FairScheduler


def rank(left: int, waited: float) -> float:
    """Of a prompt with so many tokens left, after so many seconds: lowest first."""
    return left - TOKENS_A_SECOND * waited


class Pace:
    """How many tokens a second the model reads: in its best steps of late. Whatever
    else keeps the processor, makes a step longer but the model no slower."""

    def __init__(self) -> None:
        self._best = 0.0

    def note(self, tokens: int, seconds: float) -> None:
        if tokens >= WORTH:
            self._best = max(tokens / seconds, self._best * FADES)

    def budget(self, most: int) -> int:
        """Tokens of the next step."""
        return min(most, max(LEAST, int(self._best * STEP_SECONDS)))


class FairScheduler(FIFOScheduler):
    speculate: Callable[[Sequence[RequestState], int], None] | None = None
    """Called with the replies that run and the tokens they may compute together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pace = Pace()
        self.tokens = 0
        """Of the step that was scheduled last."""

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
            self.speculate(running, 0 if prompts else min(token_budget, LEAST))
        taken: set[str] = set()
        scheduled, full, fast, queries, reads = self._process_candidates(
            [*running, *prompts], self.pace.budget(token_budget), cache_budget, taken
        )
        self.tokens = queries
        self._cleanup_waiting_queue(taken)
        if not scheduled and full:
            return None, fast, 0, 0
        return scheduled, fast, queries, reads
