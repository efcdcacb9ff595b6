"""How fast the memory alone would let a model write.

Each step reads all weights once, and the keys and values of every request: no engine
that decodes one token a step for each request is faster than that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from chat.engines.local.loading import cache_bytes_per_token

COPIED_BYTES = 2**28
TRIES = 6


@dataclass(frozen=True, slots=True)
class Weight:
    """`step`: bytes of weights that each step reads; `token`: bytes of keys and values
    for each token of a request."""

    step: int
    token: int

    def limit(self, bandwidth: float, requests: int, context: float) -> float:
        """Tokens a second of that many requests, of so many tokens on average."""
        return requests * bandwidth / (self.step + requests * context * self.token)


def weigh(folder: Path, itemsize: int) -> Weight:
    """Nothing is loaded. A table of embeddings that is no output layer too is only
    looked up."""
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    count = sum(each.numel() for each in model.parameters())
    if not config.tie_word_embeddings:
        count -= model.get_input_embeddings().weight.numel()
    return Weight(count * itemsize, cache_bytes_per_token(config, itemsize))


def measured(device: str) -> float:
    """Bytes a second, read and written, of the best copy."""
    source = torch.ones(COPIED_BYTES // 4, device=device)
    target = torch.empty_like(source)
    return max(copied(source, target) for _ in range(TRIES))


def copied(source: torch.Tensor, target: torch.Tensor) -> float:
    if source.device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    target.copy_(source)
    if source.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return float(2 * source.nbytes / seconds)
