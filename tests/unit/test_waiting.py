"""Waiting for an event, at most so long."""

from __future__ import annotations

import asyncio

import pytest

from chat.waiting import wait_within


async def test_until_it_is_set() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)

    async with asyncio.timeout(10):
        await wait_within(event, 60)


async def test_no_longer_than_that() -> None:
    await wait_within(asyncio.Event(), 0.01)


async def test_a_cancellation_in_the_same_moment_counts() -> None:
    """Of a loop that waits again and again, and is ended just when there is news."""
    event = asyncio.Event()

    async def wait_on_and_on() -> None:
        while True:
            event.clear()
            await wait_within(event, 60)

    task = asyncio.create_task(wait_on_and_on())
    await asyncio.sleep(0)
    event.set()
    task.cancel()
    await asyncio.wait([task], timeout=10)

    assert task.cancelled()


async def test_a_timeout_around_it_is_not_swallowed() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await wait_within(asyncio.Event(), 60)
