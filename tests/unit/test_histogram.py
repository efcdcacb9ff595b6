"""Percentiles from counts: right to a tenth, and the same however they are added up."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.reports.histogram import LAST, bucket, percentile, upper_end

TIMES = st.lists(st.floats(1, 10_000_000), min_size=1, max_size=200)
SHARES = st.sampled_from([0.5, 0.95, 0.99, 1.0])


def test_of_nothing_there_is_none() -> None:
    assert percentile({}, 0.5) is None


@pytest.mark.parametrize(("ms", "number"), [(-5, 0), (0, 0), (1, 0), (1.01, 1), (2, 8)])
def test_the_first_buckets(ms: float, number: int) -> None:
    assert bucket(ms) == number


def test_what_takes_for_ever_is_in_the_last() -> None:
    assert bucket(1e12) == LAST


@given(st.floats(1, 10_000_000))
def test_a_time_lies_within_its_bucket(ms: float) -> None:
    number = bucket(ms)

    assert ms <= upper_end(number) * (1 + 1e-9)
    assert number == 0 or ms >= upper_end(number - 1) * (1 - 1e-9)


@given(TIMES, SHARES)
def test_a_percentile_is_in_the_bucket_of_the_true_one(times, share) -> None:
    found = percentile(Counter(map(bucket, times)), share)
    true = sorted(times)[ceil(share * len(times)) - 1]

    assert found is not None
    assert bucket(found) in (bucket(true), bucket(true) + 1, bucket(true) - 1)
    assert true / 2**0.125 - 1e-6 <= found <= true * 2**0.125 + 1e-6


@given(TIMES)
def test_a_larger_share_takes_no_less(times) -> None:
    counts = Counter(map(bucket, times))
    found = [percentile(counts, share) or 0 for share in (0.1, 0.5, 0.95, 1.0)]

    assert found == sorted(found)
