"""How the next token is chosen, for each request by its own parameters.

The manager's own per-request processors break the whole batch on a temperature of
0 or a top_k above the vocabulary and know neither seeds nor penalties. So none is
used: the manager takes the argmax, and this processor raises the chosen logit to
infinity. A choice depends on the request's logits, its seed and its position
only: the same alone, in a batch, and after a restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessor,
)

from chat.engines.base import EngineError, Params

GREEDY_BELOW = 1e-3
"""Temperatures below are 0: dividing by them overflows."""
MAX_TEMPERATURE = 10.0
MAX_PENALTY = 10.0
CANDIDATES = 1024
"""The tail behind so many tokens is looked at only where top_p reaches it."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters after defaults and bounds. Off: top_p 1, top_k 0, min_p 0."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0

    @property
    def truncated(self) -> bool:
        return self.top_k > 0 or self.top_p < 1 or self.min_p > 0


def resolve(params: Params, defaults: Sampling, vocabulary: int) -> Sampling:
    """Raises EngineError `invalid_params`, naming the parameter."""
    temperature = real("temperature", params.temperature, 0, MAX_TEMPERATURE)
    top_p = real("top_p", params.top_p, 0, 1)
    min_p = real("min_p", params.min_p, 0, 1)
    penalty = real("repetition_penalty", params.repetition_penalty, 0.01, MAX_PENALTY)
    top_k = whole("top_k", params.top_k, -1)
    seed = whole("seed", params.seed, -(2**63))
    if temperature is None:
        temperature = defaults.temperature
    if top_k is None:
        top_k = defaults.top_k
    return Sampling(
        temperature=temperature if temperature >= GREEDY_BELOW else 0.0,
        top_p=defaults.top_p if top_p is None else top_p,
        top_k=top_k if 0 < top_k < vocabulary else 0,
        min_p=defaults.min_p if min_p is None else min_p,
        repetition_penalty=defaults.repetition_penalty if penalty is None else penalty,
        seed=secrets.randbits(63) if seed is None else seed,
    )


def model_defaults(config: GenerationConfig) -> Sampling:
    """What the model's authors recommend; greedy where they do not sample."""
    warm = config.temperature if config.temperature is not None else 1.0
    return Sampling(
        temperature=warm if config.do_sample else 0.0,
        top_p=1.0 if config.top_p is None else config.top_p,
        top_k=config.top_k or 0,
        min_p=config.min_p or 0.0,
        repetition_penalty=config.repetition_penalty or 1.0,
    )


def real(name: str, value: Any, low: float, high: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EngineError("invalid_params", f"{name} must be a number.")
    # A huge int overflows the conversion: compare before converting.
    if not low <= value <= high or not isfinite(value):
        raise EngineError("invalid_params", f"{name} must be from {low} to {high}.")
    return float(value)


def whole(name: str, value: Any, low: int, high: int = 2**63 - 1) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise EngineError("invalid_params", f"{name} must be an integer.")
    if not low <= value <= high:
        raise EngineError("invalid_params", f"{name} must be from {low} to {high}.")
    return value


class Chooser:
    """The sampling of one request, and which tokens its sequence contains."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self._seen: Tensor | None = None
        self._counted = 0

    def penalise(
        self,
        scores: Tensor,
        prompt: Sequence[int],
        reply: Sequence[int],
        draft: Sequence[int] = (),
    ) -> None:
        """Apply the repetition penalty in place. scores: [vocabulary]

        Tokens may move from `reply` to `prompt`: what counts is both together. Those
        of `draft` count this time only.
        """
        if self._seen is None:
            self._seen = torch.zeros_like(scores, dtype=torch.bool)
        behind = self._counted - len(prompt)
        fresh = reply[behind:] if behind >= 0 else [*prompt[behind:], *reply]
        self._counted = len(prompt) + len(reply)
        self._seen[torch.tensor(fresh, dtype=torch.long, device=scores.device)] = True
        seen = self._seen
        if draft:
            seen = seen.clone()
            seen[torch.tensor(draft, dtype=torch.long, device=scores.device)] = True
        penalty = self.sampling.repetition_penalty
        penalised = torch.where(scores < 0, scores * penalty, scores / penalty)
        scores.copy_(torch.where(seen, penalised, scores))


@dataclass(frozen=True, slots=True)
class Row:
    """Where a token is to be chosen: behind these three."""

    chooser: Chooser
    prompt: Sequence[int]
    reply: Sequence[int]
    draft: Sequence[int] = ()

    @property
    def position(self) -> int:
        return len(self.prompt) + len(self.reply) + len(self.draft)


def choose(scores: Tensor, rows: Sequence[Row]) -> Tensor:
    """Let the argmax of each row be the token chosen there. scores: [rows, vocabulary],
    changed in place."""
    drawn: list[int] = []
    for number, row in enumerate(rows):
        if row.chooser.sampling.repetition_penalty != 1:
            row.chooser.penalise(scores[number], row.prompt, row.reply, row.draft)
        if row.chooser.sampling.temperature > 0:
            drawn.append(number)
    if drawn:
        index = torch.tensor(drawn, device=scores.device)
        samplings = [rows[number].chooser.sampling for number in drawn]
        positions = [rows[number].position for number in drawn]
        scores[index, draw(scores[index], samplings, positions)] = torch.inf
    return scores


class SamplingProcessor(ContinuousBatchingLogitsProcessor):
    """Called by the worker for each step, with the requests that get a token.

    `drafts`: of the present step, by request. Such a request gets a token behind each
    token of its draft, too.
    """

    supported_kwargs = {"chooser": Chooser}
    ignored_kwargs = ()

    def __init__(self) -> None:
        self.drafts: Mapping[str, list[int]] = {}
        self._states: list[Any] = []

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        """Remembers the requests; the tensor itself carries nothing."""
        self._states = [request.state for request in requests_with_new_token]
        return torch.zeros(len(self._states), dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """scores: [rows, vocabulary], changed in place."""
        return choose(
            scores, [row for state in self._states for row in self._of(state)]
        )

    def _of(self, state: Any) -> Iterator[Row]:
        chooser = state.logit_processor_kwargs["chooser"]
        draft = self.drafts.get(state.request_id, [])
        for end in range(len(draft) + 1):
            yield Row(
                chooser, state.initial_tokens, state.generated_tokens, draft[:end]
            )


def draw(logits: Tensor, samplings: list[Sampling], positions: list[int]) -> Tensor:
    """One token id for each row of [rows, vocabulary]."""
    column = {"dtype": logits.dtype, "device": logits.device}
    heat = torch.tensor([[s.temperature] for s in samplings], **column)
    chance = [[uniform(s.seed, at)] for s, at in zip(samplings, positions, strict=True)]
    u = torch.tensor(chance, **column)
    logits = logits / heat
    chosen = torch.empty(len(samplings), dtype=torch.long, device=logits.device)
    for truncated in (False, True):
        rows = [row for row, s in enumerate(samplings) if s.truncated is truncated]
        if not rows:
            continue
        index = torch.tensor(rows, device=logits.device)
        if truncated:
            parts = [samplings[row] for row in rows]
            chosen[index] = draw_truncated(logits[index], parts, u[index], CANDIDATES)
        else:
            chosen[index] = pick(logits[index].softmax(-1), u[index])
    return chosen


def draw_truncated(
    logits: Tensor, samplings: list[Sampling], u: Tensor, width: int
) -> Tensor:
    """top_k, then top_p of what that left, then min_p, as `generate` orders them."""
    column = {"dtype": logits.dtype, "device": logits.device}
    top_k = torch.tensor([[s.top_k] for s in samplings], device=logits.device)
    top_p = torch.tensor([[s.top_p] for s in samplings], **column)
    min_p = torch.tensor([[s.min_p] for s in samplings], **column)
    width = min(logits.size(-1), max(width, int(top_k.max())))
    values, ids = logits.topk(width)
    p = (values - logits.logsumexp(-1, keepdim=True)).exp()
    rank = torch.arange(width, device=logits.device)
    p = p * ((top_k == 0) | (rank < top_k))
    p = p / torch.where(top_k > 0, p.cumsum(-1)[:, -1:], 1.0)
    keep = ((p.cumsum(-1) - p) < top_p) & (p >= min_p * p[:, :1])
    keep[:, 0] = True
    if width < logits.size(-1) and bool((keep[:, -1:] & (top_k == 0)).any()):
        return draw_truncated(logits, samplings, u, logits.size(-1))
    return ids.gather(-1, pick(p * keep, u)[:, None])[:, 0]


def pick(p: Tensor, u: Tensor) -> Tensor:
    """The index where the running sum of p [rows, n] passes the share u [rows, 1]."""
    total = p.cumsum(-1)
    found = torch.searchsorted(total, u * total[:, -1:], right=True)[:, 0]
    return found.clamp(max=p.size(-1) - 1)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that only these two decide."""
    key = seed.to_bytes(8, "big", signed=True) + position.to_bytes(8, "big")
    return (int.from_bytes(blake2b(key, digest_size=8).digest(), "big") >> 11) / 2**53
