"""Waiting for an event, at most so long."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.waiting import READER_MS, RETRY_MS, SPREAD_MS, pause_ms, wait_within


async def test_until_it_is_set() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)

    async with asyncio.timeout(60):
        await wait_within(event, 600)


async def test_no_longer_than_that() -> None:
    await wait_within(asyncio.Event(), 0.01)


async def test_a_cancellation_in_the_same_moment_counts() -> None:
    """Of a loop that waits again and again, and is ended just when there is news."""
    event = asyncio.Event()

    async def wait_on_and_on() -> None:
        while True:
            event.clear()
            await wait_within(event, 600)

    task = asyncio.create_task(wait_on_and_on())
    await asyncio.sleep(0)
    event.set()
    task.cancel()
    await asyncio.wait([task], timeout=60)

    assert task.cancelled()


async def test_a_timeout_around_it_is_not_swallowed() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await wait_within(asyncio.Event(), 60)


@given(st.integers(0, 100_000))
def test_who_is_turned_away_waits_a_little_longer_the_more_they_are(readers) -> None:
    most = RETRY_MS + min(SPREAD_MS, readers * READER_MS)

    assert RETRY_MS <= pause_ms(readers) <= most


def test_a_thousand_come_back_at_moments_of_their_own() -> None:
    moments = [pause_ms(1000) for _ in range(1000)]

    for second in range(1, 6):  # a fifth in each, and never many more
        assert sum(second * 1000 <= ms < second * 1000 + 1000 for ms in moments) > 100
