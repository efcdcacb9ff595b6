"""One timer ends all waits whose time is over."""

from __future__ import annotations

import asyncio

import pytest

from chat.tape.alarm import Alarm


def waiter() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def test_each_wait_ends_at_its_own_time() -> None:
    alarm = Alarm("over")
    order: list[str] = []
    waiters = {"last": waiter(), "first": waiter(), "second": waiter()}
    for name, one in waiters.items():
        one.add_done_callback(lambda _done, name=name: order.append(name))
    for one, seconds in zip(waiters.values(), (0.05, 0.01, 0.03), strict=True):
        alarm.add(one, seconds)

    await asyncio.gather(*waiters.values())

    assert order == ["first", "second", "last"]


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
