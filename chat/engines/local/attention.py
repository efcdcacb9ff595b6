"""Attention of a decoding step: every request attends to its own keys only.

The library lays all requests of a step end to end and hides them from each other
with a mask: it computes every query against every key of everybody, and copies keys
and values once for each query head. Where each request has one new token, they fit
into one batch instead, padded to the longest. Steps that read prompts, other
devices and other kinds of layers go to the library as before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.generation.continuous_batching.cache import PagedAttentionCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

MOST_PADDING = 2
"""Where padding makes more than so many times the keys, it does not pay."""


def install() -> None:
    """Take the place of "sdpa": the worker accepts no other name."""
    AttentionInterface.register("sdpa", attend)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """query: [1, heads, queries, size]; key, value: [1, kv heads, queries, size].

    Returns [1, queries, heads, size].
    """
    cache = options.get("cache")
    if (
        isinstance(cache, PagedAttentionCache)
        and query.device.type == "cpu"
        and options["max_length_q"] == 1
    ):
        allocator = cache.layer_to_allocator[module.layer_idx]
        read = options["read_index"][allocator.index]
        if allocator.layer_type == "full_attention" and read.numel() > 0:
            ends = options["cu_seq_lens_k"][allocator.layer_type]
            index, mask = padded(read, ends)
            if index.numel() <= MOST_PADDING * read.numel():
                write = options["write_index"][allocator.index]
                keys, values = allocator._kv_token_views[module.layer_idx]
                keys.index_copy_(0, write, key[0].transpose(0, 1))
                values.index_copy_(0, write, value[0].transpose(0, 1))
                scaling = options.get("scaling")
                return decode(query, keys, values, index, mask, scaling), None
    attended: tuple[Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, **options
    )
    return attended


def padded(read: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Where each request's keys lie, and which of them count: [requests, longest].

    The same for all layers of a step, so it is kept with the step's own tensor.
    """
    known: tuple[Tensor, Tensor] | None = getattr(read, "chatsite_padded", None)
    if known is None:
        lengths = ends.diff()[:, None]
        mask = torch.arange(int(lengths.max())) < lengths
        index = torch.zeros(mask.shape, dtype=torch.long)
        index[mask] = read
        known = read.chatsite_padded = (index, mask)
    return known


def decode(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    index: Tensor,
    mask: Tensor,
    scaling: float | None,
) -> Tensor:
    """keys, values: [cache, kv heads, size], the cache of one layer."""
    requests, longest = index.shape
    _, heads, _, size = query.shape
    shape = (requests, longest, keys.size(1), -1)
    key = keys.index_select(0, index.flatten()).view(shape).transpose(1, 2)
    value = values.index_select(0, index.flatten()).view(shape).transpose(1, 2)
    # Heads that share a key take the place of queries: no key is copied for them.
    packed = query[0].transpose(0, 1).reshape(requests, keys.size(1), -1, size)
    attended = scaled_dot_product_attention(
        packed, key, value, attn_mask=mask[:, None, None], scale=scaling
    )
    return attended.reshape(1, requests, heads, -1)
