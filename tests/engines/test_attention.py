"""Attention of one step: each request as if it were alone, whatever the others are."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from chat.engines.local.attention import attend_all, split

HEADS, SHARED, SIZE, PLACES = 4, 2, 8, 400
REQUESTS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 40)), min_size=1, max_size=6
)


def ends(lengths: list[int]) -> list[int]:
    return [sum(lengths[:count]) for count in range(len(lengths) + 1)]


def alone(query, key, value):
    """query: [heads, new, size]; the new ones are the last of the keys."""
    new, all_of_them = query.shape[1], key.shape[0]
    mask = torch.ones(new, all_of_them, dtype=torch.bool).tril(all_of_them - new)
    keys, values = (
        part.transpose(0, 1).repeat_interleave(SHARED, 0) for part in (key, value)
    )
    return scaled_dot_product_attention(query, keys, values, attn_mask=mask)


@settings(deadline=None)
@given(REQUESTS, st.integers(0, 2**31))
def test_a_request_is_attended_as_if_it_were_alone(requests, seed) -> None:
    torch.manual_seed(seed)
    news = [new for new, _before in requests]
    lengths = [new + before for new, before in requests]
    keys = torch.randn(PLACES, HEADS // SHARED, SIZE)
    values = torch.randn(PLACES, HEADS // SHARED, SIZE)
    query = torch.randn(HEADS, sum(news), SIZE)
    read = torch.randperm(PLACES)[: sum(lengths)]

    found = attend_all(
        query, keys, values, split(ends(news), ends(lengths), read), None
    )

    queries = query.split(news, 1)
    for mine, told, where in zip(
        queries, found[0].split(news), read.split(lengths), strict=True
    ):
        expected = alone(mine, keys[where], values[where]).transpose(0, 1)
        assert torch.allclose(told, expected, atol=1e-5)


def test_new_prompts_attend_to_what_the_step_itself_has() -> None:
    news = [3, 1, 5]
    keys = torch.randn(sum(news), HEADS // SHARED, SIZE)
    values = torch.randn(sum(news), HEADS // SHARED, SIZE)
    query = torch.randn(HEADS, sum(news), SIZE)
    nothing = torch.empty(0, dtype=torch.long)

    batches = split(ends(news), ends(news), nothing)
    found = attend_all(query, keys, values, batches, None)

    last = alone(query[:, 4:], keys[4:], values[4:]).transpose(0, 1)
    assert torch.allclose(found[0, 4:], last, atol=1e-5)


@pytest.mark.parametrize("lengths", [[512] * 8, [1] * 31 + [2000], [3, 900, 50]])
def test_no_request_computes_what_others_wrote(lengths) -> None:
    read = torch.arange(sum(lengths))

    batches = split(list(range(len(lengths) + 1)), ends(lengths), read)

    assert sum(batch.keys.numel() for batch in batches) <= 2 * sum(lengths)
