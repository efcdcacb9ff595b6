"""What goes wrong while pictures are drawn, and whom it concerns."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from chat.engines import loading
from chat.engines.base import EngineError, EngineLost
from chat.engines.image import ImageEngine
from tests.engines.helpers import collect, collect_failing, eventually
from tests.engines.images.conftest import BOUNDS, INFO
from tests.engines.images.helpers import Gate, ask, before_each_step, pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")


def raising(error: BaseException, at: int = 2) -> Callable[[int], None]:
    def does(step: int) -> None:
        if step == at:
            raise error

    return does


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8 GiB"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
)
async def test_without_memory_it_asks_for_a_smaller_picture(
    engine: ImageEngine, error: Exception
) -> None:
    with before_each_step(engine, raising(error)):
        answer, failure = await collect_failing(engine, ask())

    assert failure.code == "out_of_memory"
    assert "64 × 64 pixels" in failure.message
    assert "smaller" in failure.message
    assert not pictures(answer)
    assert pictures(await collect(engine, ask()))


async def test_a_failure_is_that_of_one_request(engine: ImageEngine) -> None:
    gate = Gate(at=1)

    def does(step: int) -> None:
        gate(step)
        raising(ValueError("a shape does not fit"))(step)

    with before_each_step(engine, does):
        one = asyncio.create_task(collect_failing(engine, ask()))
        await asyncio.to_thread(gate.reached.wait, 60)
        two = asyncio.create_task(collect(engine, ask()))
        gate.open()
        _answer, failure = await one
        answer = await two

    assert failure.code == "engine_failed"
    assert "a shape does not fit" in failure.message
    assert pictures(answer)
    assert engine.problem is None


async def test_a_dead_worker_is_started_again(engine: ImageEngine) -> None:
    gate = Gate(at=1)

    def does(step: int) -> None:
        gate(step)
        raising(torch.AcceleratorError("an illegal access"))(step)

    with before_each_step(engine, does):
        one = asyncio.create_task(collect_failing(engine, ask()))
        await asyncio.to_thread(gate.reached.wait, 60)
        two = asyncio.create_task(collect_failing(engine, ask()))
        await asyncio.sleep(0)
        gate.open()
        (_said, failure), (_nothing, other) = await asyncio.gather(one, two)
        assert isinstance(failure, EngineLost)
        assert isinstance(other, EngineLost)
        await eventually(lambda: engine.problem is None)

    assert pictures(await collect(engine, ask()))


async def test_one_that_keeps_dying_is_given_up(
    pipeline_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MAX_DEATHS", 2)
    engine = ImageEngine(str(pipeline_folder), INFO, BOUNDS)
    await engine.start()

    def does(_step: int) -> None:
        raise torch.AcceleratorError("the device is gone")

    with before_each_step(engine, does):
        await collect_failing(engine, ask())
        await eventually(lambda: engine.states()["fox"].name == "failed")
        assert "keeps dying: the device is gone" in str(engine.problem)
        _answer, failure = await collect_failing(engine, ask())
        assert failure.code == "not_ready"
    await engine.stop()


async def test_one_that_cannot_draw_does_not_start(
    pipeline_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*_args: object) -> None:
        raise ValueError("no such scheduler")

    monkeypatch.setattr("chat.engines.image.painter.Painter.draw", draw)
    engine = ImageEngine(str(pipeline_folder), INFO, BOUNDS)

    with pytest.raises(EngineError, match="no such scheduler"):
        await engine.start()

    assert engine.states()["fox"].name == "failed"
    assert "no such scheduler" in str(engine.problem)
