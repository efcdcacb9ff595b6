"""A tiny pipeline, built once, and an engine that draws with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chat.engines.base import ModelInfo
from chat.engines.image import ImageEngine
from chat.engines.image.demo import build
from chat.engines.image.orders import Bounds

INFO = ModelInfo("fox", "Fox", kind="image")
BOUNDS = Bounds(pixels=256 * 256, steps=50)


@pytest.fixture(scope="session")
def pipeline_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("pipeline") / "tiny")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(pipeline_folder: Path) -> AsyncIterator[ImageEngine]:
    engine = ImageEngine(str(pipeline_folder), INFO, BOUNDS)
    await engine.start()
    yield engine
    await engine.stop()
