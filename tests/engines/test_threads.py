"""How many threads compute a step: the fewest that are about as fast as any."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from chat.engines.local import threads
from chat.engines.local.threads import fewest, settle


def chosen(most: int, **seconds: float) -> int:
    return fewest(most, lambda threads: seconds[f"of_{threads}"])


@pytest.mark.parametrize(
    ("most", "seconds", "expected"),
    [
        (1, {}, 1),
        (2, {"of_1": 0.004, "of_2": 0.008}, 1),
        (2, {"of_1": 0.010, "of_2": 0.0095}, 1),
        (2, {"of_1": 0.010, "of_2": 0.006}, 2),
        (6, {"of_1": 0.04, "of_2": 0.02, "of_4": 0.011, "of_6": 0.010}, 4),
    ],
)
def test_it_takes_the_fewest_that_are_about_as_fast(most, seconds, expected) -> None:
    assert chosen(most, **seconds) == expected


def test_one_slow_try_decides_nothing() -> None:
    tries = {1: iter([9, 0.01, 0.01, 0.01]), 2: iter([0.05, 0.02, 9, 9, 9])}

    assert fewest(2, lambda threads: next(tries[threads])) == 1


def test_it_measures_a_model_and_leaves_one_that_is_no_plain_one_alone() -> None:
    before = torch.get_num_threads()
    try:
        settle(torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 4)))
        assert 1 <= torch.get_num_threads() <= before
        torch.set_num_threads(before)
        settle(torch.nn.Sequential(torch.nn.ReLU()))
        assert torch.get_num_threads() == before
    finally:
        torch.set_num_threads(before)


def test_a_large_model_takes_all_threads_unmeasured(monkeypatch) -> None:
    monkeypatch.setattr(threads, "LARGE", 30)
    before = torch.get_num_threads()

    # It has no memory that could be computed with.
    settle(torch.nn.Linear(8, 8, device="meta"))
    monkeypatch.setattr(threads, "timed", lambda _weights: pytest.fail("measured"))
    settle(torch.nn.Linear(8, 8))

    assert torch.get_num_threads() == before


def test_each_worker_chooses_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when another model's worker chose one before."""
    offered = []
    monkeypatch.setattr(
        threads, "fewest", lambda most, _timed: offered.append(most) or 1
    )
    before = torch.get_num_threads()
    try:
        for _worker in range(2):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(settle, torch.nn.Linear(8, 8)).result()
    finally:
        torch.set_num_threads(before)

    assert offered == [threads.ALL, threads.ALL]
