"""Speculative decoding inside the batch.

While few replies run, a step is waiting for memory more than it computes: several
tokens of one reply cost little more than one. So some that may come next are guessed,
and one step computes what the model itself says at each of these places. As a choice
depends on the logits, seed and position only, the guesses it agrees with are the very
tokens it would have said one by one, whatever the request asks; the first other one is
its own next token, and what lies behind it in the cache is written over.

A guess changes nothing else: a request may be guessed for in one step and not in the
next, can be cancelled, moved out of the cache and continued as ever.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from chat.engines.local.sampling import Chooser

logger = logging.getLogger(__name__)

FEW = 4
"""With more replies a step computes enough as it is."""
LONGEST_PAUSE = 32
"""Tokens without a guess for a reply whose guesses are mostly wrong."""
WORTH = 1 / 3
"""The share of a draft that must be right: about there its step costs what it saves."""

Count = Callable[[str, int, int], None]
"""Source, tokens drafted, tokens accepted."""


class Drafter(Protocol):
    def draft(
        self, name: str, ids: Sequence[int], count: int, chooser: Chooser
    ) -> list[int]:
        """At most `count` tokens that may follow `ids`, which only grow."""

    def forget(self, name: str) -> None:
        """The request of this name is over."""


@dataclass(frozen=True, slots=True)
class Source:
    """`most`: tokens of a draft."""

    name: str
    drafter: Drafter
    most: int


@dataclass(slots=True)
class Pace:
    """How far to guess: twice as far after a draft that was right to its end, and more
    and more seldom while hardly anything is right."""

    most: int
    length: int = 4
    drafted: int = 0
    accepted: int = 0
    misses: int = 0
    pause_until: int = 0

    def learn(self, drafted: int, accepted: int, position: int) -> None:
        self.drafted += drafted
        self.accepted += accepted
        if accepted < WORTH * drafted:
            self.misses += 1
            self.pause_until = position + min(2**self.misses, LONGEST_PAUSE)
        else:
            self.misses = 0
        self.length = min(
            2 * drafted if accepted == drafted else accepted + 1, self.most
        )


@dataclass(slots=True)
class Guessed:
    """One request: its tokens, and how well each source guesses for it."""

    paces: dict[str, Pace]
    ids: list[int] = field(default_factory=list)

    def catch_up(self, state: Any) -> None:
        """The library may move generated tokens to the initial ones."""
        missing = len(self.ids) - len(state.initial_tokens)
        if missing >= 0:
            self.ids += state.generated_tokens[missing:]
        else:
            self.ids += state.initial_tokens[missing:] + state.generated_tokens


class Speculator:
    """In the worker's thread. `drafts`: of the present step, by request."""

    def __init__(self, sources: Sequence[Source], count: Count) -> None:
        """The first source that has something to say drafts."""
        self._sources = list(sources)
        self._count = count
        self._guessed: dict[str, Guessed] = {}
        self._by: dict[str, str] = {}
        self.drafts: dict[str, list[int]] = {}

    def draft(self, running: Sequence[Any], cache: Any, budget: int) -> None:
        """Before requests that run are scheduled: put a draft behind the one token that
        each would compute. `budget`: tokens of the step."""
        self.drafts.clear()
        for state in running:
            # A draft may be left there from a step that had no room for it.
            state.tokens_to_process = state.tokens_to_process[:1]
        if not self._sources or len(running) > FEW:
            return
        room = budget // max(len(running), 1) - 1
        window = smallest_window(cache)
        for state in running:
            left = state.max_new_tokens - len(state.generated_tokens) - 1
            unmoved = window - state.position_offset - 1
            draft = self._draft(state, min(left, room, unmoved))
            if draft and cache.can_store_request_tokens(state, len(draft) + 1, True):
                self.drafts[state.request_id] = draft
                state.tokens_to_process = [*state.tokens_to_process, *draft]

    def _draft(self, state: Any, most: int) -> list[int]:
        name = state.request_id
        guessed = self._guessed.get(name)
        if guessed is None:
            paces = {source.name: Pace(source.most) for source in self._sources}
            guessed = self._guessed[name] = Guessed(paces)
        guessed.catch_up(state)
        chooser = state.logit_processor_kwargs["chooser"]
        for source in self._sources:
            pace = guessed.paces[source.name]
            count = min(pace.length, most)
            if count < 1 or len(guessed.ids) < pace.pause_until:
                continue
            draft = self._ask(source, name, guessed.ids, count, chooser)
            if draft:
                self._by[name] = source.name
                return draft
        return []

    def _ask(
        self,
        source: Source,
        name: str,
        ids: Sequence[int],
        count: int,
        chooser: Chooser,
    ) -> list[int]:
        try:
            return source.drafter.draft(name, ids, count, chooser)
        except Exception:  # a guess costs nobody an answer
            logger.exception("No drafts by the %s any more", source.name)
            self._sources = [each for each in self._sources if each is not source]
            return []

    def learn(self, name: str, accepted: int) -> None:
        guessed = self._guessed[name]
        drafted = len(self.drafts[name])
        pace = guessed.paces[self._by[name]]
        pace.learn(drafted, accepted, len(guessed.ids) + accepted)

    def keep(self, names: Collection[str]) -> None:
        """Forget the requests that are over, and count how they went."""
        for name in self._guessed.keys() - names:
            self._by.pop(name, None)
            for source, pace in self._guessed.pop(name).paces.items():
                if pace.drafted:
                    self._count(source, pace.drafted, pace.accepted)
            for each in self._sources:
                each.drafter.forget(name)


def smallest_window(cache: Any) -> int:
    """Tokens behind which a layer writes over its oldest ones: what a wrong guess
    takes the place of there cannot be had back."""
    kinds = cache.cache_allocators.values()
    windows = (getattr(kind, "sliding_window", sys.maxsize) for kind in kinds)
    return min(windows, default=sys.maxsize)


@torch.no_grad()
def verify(processor: Any, model: Any, speculator: Speculator) -> None:
    """A step (the library's `_generation_step`) that chooses a token behind each token
    of the drafts. What the model agrees with is in the requests afterwards, up to its
    last token of each: that one lies where the library looks for it.
    """
    batch = processor.inputs_and_outputs
    inputs = batch.get_model_kwargs()
    drafts = speculator.drafts
    inputs["logits_indices"] = places(batch.requests_in_batch, drafts, model.device)
    processor.model_runner.compute_batch(model, inputs)
    batch.retrieve_device_outputs()
    chosen = batch.output_ids[0, : inputs["logits_indices"].numel()].tolist()
    last: list[int] = []
    for future in batch.requests_in_batch:
        if not future.has_new_token:
            continue
        draft = drafts.get(future.state.request_id, [])
        said, chosen = chosen[: len(draft) + 1], chosen[len(draft) + 1 :]
        if draft:
            said = agreed(said, draft, future.state._eos_token_ids)
            speculator.learn(future.state.request_id, len(said) - 1)
            take(future, said, processor.cache)
        last.append(said[-1])
    batch.output_ids[0, : len(last)] = torch.tensor(last)


def places(requests: Sequence[Any], drafts: Mapping[str, list[int]], to: Any) -> Tensor:
    """Where in the step's tokens a token is to be chosen."""
    found: list[int] = []
    end = 0
    for future in requests:
        end += future.query_length
        if future.has_new_token:
            count = len(drafts.get(future.state.request_id, ())) + 1
            found.extend(range(end - count, end))
    return torch.tensor(found, dtype=torch.int32, device=to)


def agreed(said: list[int], draft: list[int], ends: Collection[int]) -> list[int]:
    """The model's own tokens up to the first that was not drafted, or that ends the
    reply. `said`: one more than `draft`."""
    for number, (token, guess) in enumerate(zip(said, draft, strict=False)):
        if token != guess or token in ends:
            return said[: number + 1]
    return said


def take(future: Any, said: list[int], cache: Any) -> None:
    """Let the request have computed what was agreed on, and no more. Its last token the
    library appends."""
    state = future.state
    state.position_offset -= future.query_length
    future.complete_blocks = cache.count_new_complete_blocks(state, len(said))
    state.position_offset += len(said)
    state.generated_tokens.extend(said[:-1])
