"""One timer ends all waits whose time is over."""

from __future__ import annotations

import asyncio

import pytest

from chat.tape.alarm import Alarm


def waiter() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def test_each_wait_ends_at_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    alarm, loop, now = Alarm("over"), asyncio.get_running_loop(), 1000.0
    monkeypatch.setattr(loop, "time", lambda: now)
    waiters = {3: waiter(), 1: waiter(), 2: waiter()}
    for seconds, one in waiters.items():
        alarm.add(one, seconds)

    for later in (0, 1, 2, 3):
        now = 1000.0 + later
        alarm._look(loop)
        ended = {seconds for seconds, one in waiters.items() if one.done()}
        assert ended == set(range(1, later + 1))


async def test_what_was_dropped_is_left_alone() -> None:
    alarm, dropped, kept = Alarm("over"), waiter(), waiter()
    alarm.add(dropped, 0.01)
    alarm.add(kept, 0.02)
    alarm.drop(dropped)

    assert await kept == "over"
    assert not dropped.done()


async def test_what_has_ended_already_keeps_its_result() -> None:
    alarm, ended, kept = Alarm("over"), waiter(), waiter()
    alarm.add(ended, 0.01)
    alarm.add(kept, 0.02)
    ended.set_result("news")

    assert await kept == "over"
    assert await ended == "news"


async def test_waits_again_and_again_make_few_timers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reader waits once for each token."""
    alarm, made = Alarm("over"), []
    loop = asyncio.get_running_loop()
    original = loop.call_at
    monkeypatch.setattr(
        loop, "call_at", lambda *args: made.append(args) or original(*args)
    )

    for _token in range(100):
        one = waiter()
        alarm.add(one, 15)
        alarm.drop(one)

    assert len(made) == 1
