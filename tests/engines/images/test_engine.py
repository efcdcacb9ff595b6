"""The engine that draws: what it says, in which order, and within which bounds."""

import asyncio
from contextlib import aclosing
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from chat.engines.base import Drawn, EngineError, Finished, Prompted, Stepped
from chat.engines.image import ImageEngine
from chat.engines.image.orders import Bounds, Defaults, order_of
from chat.engines.previews import LARGEST
from tests.engines.helpers import collect, collect_failing, eventually
from tests.engines.images.conftest import BOUNDS, INFO
from tests.engines.images.helpers import Gate, ask, before_each_step, pictures, steps

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_it_says_how_far_it_is_then_the_picture(engine: ImageEngine) -> None:
    answer = await collect(engine, ask(size=(64, 96)))

    first, *_, drawn, last = answer.events
    assert first == Prompted(0)
    assert isinstance(drawn, Drawn)
    assert last == Finished("stop")
    image = Image.open(BytesIO(drawn.image))
    assert (image.format, image.size) == ("PNG", (64, 96))
    assert (drawn.content_type, drawn.width, drawn.height) == ("image/png", 64, 96)


async def test_the_first_step_always_has_a_preview(engine: ImageEngine) -> None:
    (step, *_rest) = steps(await collect(engine, ask(size=(64, 96))))

    assert (step.step, step.steps) == (1, 3)
    assert len(step.preview) <= LARGEST
    image = Image.open(BytesIO(step.preview))
    assert image.format == "WEBP"
    assert image.size == (171, 256)
    assert len(image.getcolors(100_000) or ()) > 20


async def test_a_seed_means_the_same_picture(engine: ImageEngine) -> None:
    (once,) = pictures(await collect(engine, ask(seed=11)))
    (again,) = pictures(await collect(engine, ask(seed=11)))
    (other,) = pictures(await collect(engine, ask(seed=12)))

    assert once.image == again.image
    assert once.image != other.image


async def test_several_pictures_count_on_from_the_seed(engine: ImageEngine) -> None:
    answer = await collect(engine, ask(seed=10, n=3))
    (alone,) = pictures(await collect(engine, ask(seed=12)))

    assert pictures(answer)[2].image == alone.image
    assert {step.steps for step in steps(answer)} == {9}
    numbers = [step.step for step in steps(answer)]
    assert numbers == sorted(numbers)


async def test_the_prompt_the_steps_and_the_guidance_count(engine: ImageEngine) -> None:
    usual = {"seed": 3, "steps": 2}
    asked = [
        ask(**usual),
        ask("a blue whale", **usual),
        ask(**{**usual, "steps": 3}),
        ask(**usual, guidance=2.0),
        ask(**usual, negative_prompt="fur"),
    ]
    answers = [await collect(engine, each) for each in asked]

    drawn = {picture.image for answer in answers for picture in pictures(answer)}
    assert len(drawn) == len(asked)


async def test_it_draws_one_after_another(engine: ImageEngine) -> None:
    gate = Gate(at=2)
    with before_each_step(engine, gate) as begun:
        one = asyncio.create_task(collect(engine, ask()))
        await asyncio.to_thread(gate.reached.wait, 60)
        two = asyncio.create_task(collect(engine, ask(seed=6)))
        await asyncio.sleep(0)
        assert len(begun) == 2
        gate.open()
        assert pictures(await one)
        assert pictures(await two)
    assert len(begun) == 6


async def test_closing_it_frees_the_worker_after_the_step(engine: ImageEngine) -> None:
    gate = Gate(at=3)
    with before_each_step(engine, gate) as begun:
        async with aclosing(engine.stream(ask(steps=50))) as said:
            async for event in said:
                if isinstance(event, Stepped):
                    break
            await asyncio.to_thread(gate.reached.wait, 60)
        gate.open()
        await collect(engine, ask(steps=2))

    assert len(begun) == 3 + 2


async def test_what_waits_and_is_closed_never_begins(engine: ImageEngine) -> None:
    gate = Gate(at=1)
    with before_each_step(engine, gate) as begun:
        one = asyncio.create_task(collect(engine, ask()))
        await asyncio.to_thread(gate.reached.wait, 60)
        two = asyncio.create_task(collect(engine, ask(steps=50)))
        await asyncio.sleep(0)
        two.cancel()
        await asyncio.gather(two, return_exceptions=True)
        gate.open()
        await one
        await collect(engine, ask())

    assert len(begun) == 6


async def test_its_queue_is_bounded(
    engine: ImageEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.engines.image.worker.MAX_WAITING", 1)
    gate = Gate(at=1)
    with before_each_step(engine, gate):
        one = asyncio.create_task(collect(engine, ask()))
        await asyncio.to_thread(gate.reached.wait, 60)
        two = asyncio.create_task(collect(engine, ask()))
        await asyncio.sleep(0)
        _answer, error = await collect_failing(engine, ask())
        gate.open()
        await asyncio.gather(one, two)

    assert error.code == "engine_busy"
    assert error.retryable


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"size": (264, 256)}, "invalid_size"), ({"steps": 51}, "invalid_steps")],
)
async def test_it_draws_nothing_beyond_its_bounds(
    engine: ImageEngine, asked: dict[str, object], code: str
) -> None:
    _answer, error = await collect_failing(engine, ask(**asked))

    assert error.code == code


async def test_a_size_becomes_one_that_the_pipeline_can_draw(
    engine: ImageEngine,
) -> None:
    (drawn,) = pictures(await collect(engine, ask(size=(67, 81))))

    assert (drawn.width, drawn.height) == (64, 80)


async def test_without_a_wish_it_is_as_usual(engine: ImageEngine) -> None:
    painter = engine._painter
    assert painter is not None
    nothing = ask(size=None, steps=None, seed=None)
    usual = Defaults((128, 64), steps=4, guidance=1.5, negative_prompt="fur")

    own = order_of(nothing, painter, BOUNDS, Defaults())
    told = order_of(nothing, painter, BOUNDS, usual)
    small = order_of(nothing, painter, Bounds(100 * 100, 5), Defaults())

    assert (own.width, own.height, own.steps, own.guidance) == (256, 256, 50, None)
    assert (told.width, told.height, told.steps) == (128, 64, 4)
    assert (told.guidance, told.negative_prompt) == (1.5, "fur")
    assert (small.width, small.height, small.steps) == (100, 100, 5)


async def test_what_its_safety_checker_withholds_is_not_there(
    engine: ImageEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine._painter is not None
    found = iter([False, True, False])
    monkeypatch.setattr(
        engine._painter._pipeline,
        "run_safety_checker",
        lambda image, *_: (image, [next(found)]),
    )

    answer = await collect(engine, ask(n=3))

    assert len(pictures(answer)) == 2
    assert answer.finished.finish_reason == "content_filter"


async def test_it_is_ready_once_it_has_drawn(pipeline_folder: Path) -> None:
    engine = ImageEngine(str(pipeline_folder), INFO, BOUNDS)
    assert engine.states()["fox"].name == "waiting"
    with pytest.raises(EngineError, match="not started"):
        await collect(engine, ask())

    await engine.start()
    state = engine.states()["fox"]
    assert (state.name, engine.problem) == ("ready", None)
    assert state.seconds is not None

    await engine.stop()
    assert engine.states()["fox"].name == "waiting"


async def test_stopping_it_ends_what_it_draws(pipeline_folder: Path) -> None:
    engine = ImageEngine(str(pipeline_folder), INFO, BOUNDS)
    await engine.start()
    gate = Gate(at=2)
    with before_each_step(engine, gate) as begun:
        task = asyncio.create_task(collect_failing(engine, ask(steps=50)))
        await asyncio.to_thread(gate.reached.wait, 60)
        worker = engine._worker
        assert worker is not None
        stopping = asyncio.create_task(engine.stop())
        await eventually(lambda: worker._stopping)
        gate.open()
        await stopping
        _answer, error = await task

    assert error.code == "engine_stopped"
    assert len(begun) <= 3


async def test_a_step_that_hangs_is_told(pipeline_folder: Path) -> None:
    engine = ImageEngine(str(pipeline_folder), INFO, BOUNDS, step_seconds=0.01)
    await engine.start()
    gate = Gate(at=2)
    with before_each_step(engine, gate):
        task = asyncio.create_task(collect(engine, ask()))
        await asyncio.to_thread(gate.reached.wait, 60)
        await eventually(lambda: engine.states()["fox"].name == "failed")
        assert "takes more than" in str(engine.problem)
        gate.open()
        await task
    assert engine.problem is None
    await engine.stop()
