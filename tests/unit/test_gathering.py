"""A process that is behind passes tokens on in handfuls; one that is not, at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import gathering as module
from chat.gathering import LATE_SECONDS, MOST_SECONDS, Gathering

LATE = st.floats(0, 10, allow_nan=False)


def noted(*late: float) -> Gathering:
    found = Gathering()
    for seconds in late:
        found.note(seconds)
    return found


def test_it_waits_for_nothing_on_a_loop_in_time():
    assert noted(*[LATE_SECONDS / 2] * 1000).seconds == 0


def test_it_waits_longer_the_longer_the_loop_is_behind():
    waits = [noted(*[0.05] * count).seconds for count in range(1, 30)]

    assert waits == sorted(waits)
    assert waits[-1] == MOST_SECONDS


def test_one_late_call_is_not_being_behind():
    assert noted(LATE_SECONDS * 2, 0, 0, 0).seconds == 0


@given(st.lists(LATE, max_size=200))
def test_it_never_waits_longer_than_the_most(late):
    assert 0 <= noted(*late).seconds <= MOST_SECONDS


@given(st.lists(LATE, max_size=50))
def test_it_comes_back_to_not_waiting(late):
    assert noted(*late, *[0.0] * 200).seconds == 0


async def test_it_finds_out_that_the_loop_is_behind(monkeypatch):
    monkeypatch.setattr(module, "LATE_SECONDS", -1.0)
    here = Gathering()
    here.start()
    async with asyncio.timeout(60):
        while not here.seconds:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    here.stop()

    assert here.seconds == 0


async def test_who_waits_goes_on_when_that_time_is_over():
    here = Gathering()
    here.seconds = 0.05
    loop = asyncio.get_running_loop()
    called: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    began = loop.time()

    for number in range(3):
        here.later(lambda number=number: called.put_nowait((number, loop.time())))
    calls = [await asyncio.wait_for(called.get(), 60) for _ in range(3)]

    assert [number for number, _when in calls] == [0, 1, 2]
    assert all(when - began >= here.seconds for _number, when in calls)


@pytest.mark.parametrize("seconds", [0.0, 0.001])
async def test_pausing_ends(seconds):
    here = Gathering()
    here.seconds = seconds

    await asyncio.wait_for(here.pause(), 60)
