"""Pictures from engines behind HTTP: streamed, whole, as base64 or at an address."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from io import BytesIO

import pytest
import pytest_asyncio
from PIL import Image

from chat.engines.base import (
    Drawn,
    EngineRequest,
    Finished,
    Params,
    Prompted,
    Stepped,
)
from chat.engines.previews import LARGEST
from chat.engines.remote import RemoteEngine, pictures
from chat.engines.remote.config import ConfigError, RemoteModel, Upstream, read_file
from chat.engines.remote.engine import infos
from tests.engines.helpers import Answer, collect, collect_failing
from tests.engines.painter import Painter, picture
from tests.engines.remote import started
from tests.reading import eventually
from tests.upstream import serve


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def where(painter: Painter) -> Iterator[Upstream]:
    model = RemoteModel(
        id="fox", kind="image", name="gpt-fox", defaults={"steps": 4}, extra={"a": 1}
    )
    with serve(painter) as url:
        yield Upstream(name="gpu", base_urls=(url,), models=(model,))


@pytest_asyncio.fixture
async def engine(where: Upstream) -> AsyncIterator[RemoteEngine]:
    async with started(where) as engine:
        yield engine


def ask(prompt: str = "a fox", **params: object) -> EngineRequest:
    said = Params(**{"seed": 40, **params})
    return EngineRequest("1.1", "fox", [{"role": "user", "content": prompt}], said)


def drawn(answer: Answer) -> list[Drawn]:
    return [event for event in answer.events if isinstance(event, Drawn)]


def steps(answer: Answer) -> list[Stepped]:
    return [event for event in answer.events if isinstance(event, Stepped)]


async def test_its_partial_images_are_previews(
    engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.engines.remote.drawing.A_SECOND", 1e9)
    answer = await collect(engine, ask())

    assert answer.events[0] == Prompted(0)
    assert [(step.step, step.steps) for step in steps(answer)] == [
        (1, 4),
        (2, 4),
        (3, 4),
    ]
    for step in steps(answer):
        assert len(step.preview) <= LARGEST
        assert Image.open(BytesIO(step.preview)).format == "WEBP"
    assert drawn(answer) == [Drawn(picture(40), "image/png", 96, 64)]
    assert answer.finished == Finished("stop", 5, 100)


async def test_previews_are_few(
    engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many a second, and always the first."""
    monkeypatch.setattr("chat.engines.remote.drawing.A_SECOND", 1e-6)
    (first,) = steps(await collect(engine, ask("partial=3")))

    assert first.step == 1


async def test_what_is_asked_for_reaches_it(
    engine: RemoteEngine, painter: Painter
) -> None:
    await collect(engine, ask(size=(512, 256), guidance=2.5, negative_prompt="fur"))

    assert painter.requests == [
        {
            "model": "gpt-fox",
            "prompt": "a fox",
            "n": 1,
            "size": "512x256",
            "stream": True,
            "partial_images": 3,
            "seed": 40,
            "negative_prompt": "fur",
            "num_inference_steps": 4,
            "guidance_scale": 2.5,
            "a": 1,
        }
    ]


async def test_several_are_drawn_one_after_another(
    engine: RemoteEngine, painter: Painter
) -> None:
    answer = await collect(engine, ask(n=3))

    assert [request["seed"] for request in painter.requests] == [40, 41, 42]
    assert [each.image for each in drawn(answer)] == [picture(n) for n in (40, 41, 42)]
    assert {step.steps for step in steps(answer)} == {12}
    assert answer.finished == Finished("stop", 15, 300)


@pytest.mark.parametrize("word", ["plain", "plain422"])
async def test_one_that_cannot_stream_is_asked_plainly(
    engine: RemoteEngine, painter: Painter, word: str
) -> None:
    first = await collect(engine, ask(word))
    await collect(engine, ask(word))

    assert drawn(first)
    assert not steps(first)
    streamed = ["stream" in request for request in painter.requests]
    assert streamed == [True, False, False]
    assert "partial_images" not in painter.requests[-1]


async def test_what_it_does_not_know_is_left_out(
    engine: RemoteEngine, painter: Painter
) -> None:
    assert drawn(await collect(engine, ask("strict")))
    assert "seed" not in painter.requests[-1]
    assert painter.requests[-1]["stream"]


@pytest.mark.parametrize("word", ["url", "url plain"])
async def test_a_picture_at_its_own_address_is_fetched(
    engine: RemoteEngine, painter: Painter, word: str
) -> None:
    answer = await collect(engine, ask(word))

    assert drawn(answer) == [Drawn(picture(7, "WEBP"), "image/webp", 96, 64)]
    assert painter.fetched == ["/files/one"]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("foreign", "another host"),
        ("junk", "no known format"),
        ("wide", "too large"),
        ("url large", "too large"),
    ],
)
async def test_what_is_no_picture_is_refused(
    engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch, prompt: str, said: str
) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 100_000)
    answer, error = await collect_failing(engine, ask(prompt))

    assert not drawn(answer)
    assert error.code == "engine_protocol"
    assert said in error.message


async def test_a_partial_image_that_is_none_is_left_out(engine: RemoteEngine) -> None:
    answer = await collect(engine, ask("blank"))

    assert not steps(answer)
    assert drawn(answer)


@pytest.mark.parametrize("prompt", ["refuse=503 times=2", "refuse=429 times=1"])
async def test_it_is_asked_again(engine: RemoteEngine, prompt: str) -> None:
    assert drawn(await collect(engine, ask(prompt)))


@pytest.mark.parametrize("prompt", ["cut=2", "nothing"])
async def test_one_that_breaks_off_is_asked_again_from_the_start(
    engine: RemoteEngine, painter: Painter, prompt: str
) -> None:
    answer, error = await collect_failing(engine, ask(prompt))

    assert len(painter.requests) == 3
    assert (error.code, error.retryable) == ("engine_lost", True)
    assert not drawn(answer)


@pytest.mark.parametrize(
    ("prompt", "code", "retryable"),
    [
        ("refuse=401", "engine_denied", False),
        ("refuse=404", "model_not_found", False),
        ("refuse=400", "engine_refused", False),
        ("refuse=503", "engine_unavailable", True),
        ("error", "engine_failed", True),
    ],
)
async def test_what_it_refuses_is_told(
    engine: RemoteEngine, prompt: str, code: str, retryable: bool
) -> None:
    _answer, error = await collect_failing(engine, ask(prompt))

    assert (error.code, error.retryable) == (code, retryable)


async def test_what_it_does_not_draw_is_withheld(engine: RemoteEngine) -> None:
    answer = await collect(engine, ask("block"))

    assert not drawn(answer)
    assert answer.finished.finish_reason == "content_filter"


async def test_silence_between_its_images_is_a_timeout(
    engine: RemoteEngine, settings
) -> None:
    settings.CHAT_NEXT_TOKEN_SECONDS = 0.2
    _answer, error = await collect_failing(engine, ask("hang=1"))

    assert (error.code, error.retryable) == ("engine_timeout", True)


async def test_closing_it_closes_the_request(
    engine: RemoteEngine, painter: Painter
) -> None:
    async with aclosing(engine.stream(ask("hang=1"))) as said:
        async for event in said:
            if isinstance(event, Stepped):
                break

    await eventually(lambda: painter.cancelled == 1)
    assert painter.open == 0


async def test_cancelling_it_closes_the_request(
    engine: RemoteEngine, painter: Painter
) -> None:
    task = asyncio.create_task(collect(engine, ask("hang=0")))
    await eventually(lambda: painter.open == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await eventually(lambda: painter.cancelled == 1)


def test_its_kind_is_listed(where: Upstream) -> None:
    assert [info.kind for info in infos(where)] == ["image"]


def test_only_one_protocol_draws(tmp_path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        '[[engines]]\nname = "a"\nbase_urls = ["http://a"]\nprotocol = "dashscope"\n'
        '[[models]]\nid = "fox"\nkind = "image"\nengine = "a"\n'
    )

    with pytest.raises(ConfigError, match="model fox draws"):
        read_file(file)
