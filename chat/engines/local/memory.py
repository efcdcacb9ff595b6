"""How much is kept for keys and values, and for how many tokens that is enough."""

from __future__ import annotations

import torch
from transformers import AutoConfig, ContinuousBatchingConfig

from chat.engines.local import scheduler
from chat.engines.local.fetching import Report
from chat.engines.local.loading import (
    Loaded,
    Wanted,
    cache_bytes_per_token,
    context_of,
    find,
    refuse_unknown_kind,
)
from chat.engines.local.room import WORKING_BYTES, free_memory
from chat.engines.local.trouble import explained

GIB = 2**30
CPU_CACHE_BYTES = 2 * GIB
GPU_CACHE_SHARE = 0.6
PAGE = 32
"""Tokens a page: a conversation's prefix is reused in whole pages only."""
SAFETY_MARGIN = 0.05
"""Under this free share the prefix cache is dropped and new prompts wait."""


def cache_tokens(
    loaded: Loaded, wanted: int | None, budget: int | None, max_requests: int
) -> int:
    """Tokens of cache, in whole pages: what was asked for, else what fits into that
    many bytes, else what memory allows.

    More than `max_requests` full contexts are never of use.
    """
    if wanted is None:
        affordable = (budget or cache_bytes(loaded)) // loaded.bytes_per_token
        wanted = min(affordable, max_requests * loaded.context)
    return max(wanted // PAGE, 1) * PAGE


def footprint(wanted: Wanted, report: Report, max_requests: int) -> tuple[int, int]:
    """Bytes it will take without the cache, and of the cache. Fetches the model where
    it is not here. Raises EngineError, as `load` does."""
    with explained(wanted.name, wanted.revision):
        source = find(wanted, report)
        refuse_unknown_kind(source)
        weights = wanted.size(source.weights())
        config = AutoConfig.from_pretrained(source.folder, local_files_only=True)
    text = config.get_text_config()
    token = cache_bytes_per_token(text, wanted.dtype.itemsize)
    largest = max_requests * context_of(text) * token
    return weights + WORKING_BYTES, min(wanted.cache_bytes or CPU_CACHE_BYTES, largest)


def cache_bytes(loaded: Loaded) -> int:
    if loaded.model.device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(loaded.model.device)
        found = int(free * GPU_CACHE_SHARE)
    else:
        found = min(CPU_CACHE_BYTES, free_memory() // 2)
    return found if loaded.spare is None else min(found, loaded.spare)


def batching(
    tokens: int, max_batch_tokens: int, max_requests: int
) -> ContinuousBatchingConfig:
    """Steps are small: a long prompt is read in portions, while others go on.

    No graphs and no asynchronous batching: the sampling runs in Python, and the
    latter kills the worker on a CPU.
    """
    return ContinuousBatchingConfig(
        page_size=PAGE,
        num_blocks=tokens // PAGE,
        max_batch_tokens=max_batch_tokens,
        max_requests_per_batch=max_requests,
        safety_margin=SAFETY_MARGIN,
        scheduler_type=scheduler.NAME,
        use_async_batching=False,
        use_cuda_graph=False,
        auto_switch_to_flash=False,
    )
