"""Attention that costs each request its own keys only.

The library lays all requests of a step end to end and hides them from each other
with a mask: it computes every query against every key of everybody, and copies keys
and values once for each query head. Here requests that get one token each share a
batch with those of about their length, padded to the longest; one that reads its
prompt is a batch of its own. Other devices and other kinds of layers go to the
library as before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.generation.continuous_batching.cache import PagedAttentionCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

MOST_PADDING = 2
Single = tuple[int, Tensor]
"""Where a request's only query lies in the step, and where its keys do."""


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
    if isinstance(cache, PagedAttentionCache) and query.device.type == "cpu":
        allocator = cache.layer_to_allocator[module.layer_idx]
        if allocator.layer_type == "full_attention":
            write = options["write_index"][allocator.index]
            read = options["read_index"][allocator.index]
            fresh = key[0].transpose(0, 1), value[0].transpose(0, 1)
            stored = allocator._kv_token_views[module.layer_idx]
            for known, new in zip(stored, fresh, strict=True):
                known.index_copy_(0, write, new)
            # The same for all layers of a step, so they are kept with its own tensor.
            batches = getattr(read, "chatsite_batches", None)
            if batches is None:
                ends = options["cu_seq_lens_k"][allocator.layer_type]
                starts = options["cu_seq_lens_q"]
                batches = split(starts.tolist(), ends.tolist(), read)
                read.chatsite_batches = batches
            # Nothing to read: all that counts is in this step.
            keys, values = stored if read.numel() else fresh
            scale = options.get("scaling")
            return attend_all(query[0], keys, values, batches, scale), None
    attended: tuple[Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, **options
    )
    return attended


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests with the same number of queries each.

    `queries` [requests * each]: where they lie in the step; `keys` [requests *
    longest]: where theirs lie; `mask` [requests, 1, each, longest]: which count.
    """

    queries: Tensor
    keys: Tensor
    mask: Tensor


def split(query_ends: list[int], key_ends: list[int], read: Tensor) -> list[Batch]:
    """The ends begin with 0, one follows for each request; `read`: where the keys
    lie, empty where they are the step's own."""
    where = read if read.numel() else torch.arange(key_ends[-1])
    singles: list[Single] = []
    batches = []
    spans = zip(pairwise(query_ends), pairwise(key_ends), strict=True)
    for (first, end), (low, high) in spans:
        keys = where[low:high]
        if end - first == 1:
            singles.append((first, keys))
        else:
            batches.append(prompt(first, end, keys))
    return batches + [tokens(each) for each in alike(singles)]


def alike(singles: list[Single]) -> Iterable[list[Single]]:
    """Together, where padding at most doubles their keys, else those of one size."""
    lengths = [len(keys) for _at, keys in singles]
    if not singles or len(singles) * max(lengths) <= MOST_PADDING * sum(lengths):
        return [singles] if singles else []
    groups: defaultdict[int, list[Single]] = defaultdict(list)
    for single, length in zip(singles, lengths, strict=True):
        groups[length.bit_length()].append(single)
    return groups.values()


def prompt(first: int, end: int, keys: Tensor) -> Batch:
    """One request's queries, of which the last one sees all its keys."""
    count, longest = end - first, len(keys)
    mask = torch.ones(count, longest, dtype=torch.bool).tril(longest - count)
    return Batch(torch.arange(first, end), keys, mask[None, None])


def tokens(each: list[Single]) -> Batch:
    """One query each, and where its keys lie."""
    lengths = torch.tensor([len(keys) for _at, keys in each])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    index = torch.zeros(mask.shape, dtype=torch.long)
    index[mask] = torch.cat([keys for _at, keys in each]).long()
    queries = torch.tensor([at for at, _keys in each])
    return Batch(queries, index.flatten(), mask[:, None, None])


def attend_all(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    batches: list[Batch],
    scaling: float | None,
) -> Tensor:
    """query: [heads, queries, size]; keys, values: [places, kv heads, size].

    Returns [1, queries, heads, size].
    """
    heads, count, size = query.shape
    found = query.new_empty(count, heads, size)
    for each in batches:
        requests, _, queries, longest = each.mask.shape
        shape = (requests, longest, keys.size(1), size)
        key = keys.index_select(0, each.keys).view(shape).transpose(1, 2)
        value = values.index_select(0, each.keys).view(shape).transpose(1, 2)
        # Heads that share a key take the place of queries: no key is copied for them.
        shared = heads // keys.size(1)
        parts = (keys.size(1), shared, requests, queries, size)
        asked = query.index_select(1, each.queries).view(parts)
        asked = asked.permute(2, 0, 1, 3, 4).flatten(2, 3)
        mask = each.mask.repeat(1, 1, shared, 1) if queries > 1 else each.mask
        told = scaled_dot_product_attention(
            asked, key, value, attn_mask=mask, scale=scaling
        )
        told = told.view(requests, keys.size(1), shared, queries, size)
        told = told.permute(0, 3, 1, 2, 4).reshape(-1, heads, size)
        found.index_copy_(0, each.queries, told)
    return found[None]
