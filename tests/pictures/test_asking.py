"""What a request for pictures may say."""

from __future__ import annotations

import pytest

from chat.errors import ChatError
from chat.pictures.asking import again, params_of


def test_what_is_left_out_stays_so() -> None:
    params = params_of()

    assert set(params) == {"n", "seed"}
    assert 0 <= params["seed"] < 2**32


def test_a_seed_is_chosen_for_each() -> None:
    assert len({params_of()["seed"] for _ in range(20)}) > 1
    assert params_of(seed=0)["seed"] == 0


def test_drawn_again_only_the_seed_is_another() -> None:
    params = params_of(
        size="64x128", steps=3, guidance=7.5, negative_prompt="rain", seed=1, n=2
    )
    new = again(params)

    assert new["seed"] != 1
    assert new | {"seed": 1} == params


@pytest.mark.parametrize(
    "params",
    [
        {"n": 1000},
        {"n": 1, "steps": 10**9},
        {"n": 1, "size": [99_999, 99_999]},
        {"n": 1, "size": ["x", None]},
    ],
)
def test_what_was_imported_is_no_way_around(params: dict) -> None:
    with pytest.raises(ChatError):
        again(params)


@pytest.mark.parametrize("params", [{"n": "4", "size": "64x64", "steps": True}, {}])
def test_what_is_nothing_of_it_is_left_out(params: dict) -> None:
    assert set(again(params)) == {"n", "seed"}
    assert again(params)["n"] == 1
