from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import torch

torch.set_num_threads(1)  # more would wait for each other beside three processes

from chat.engines.local import LocalEngine  # noqa: E402
from tests.engines.tiny import make_model  # noqa: E402


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(tiny_folder: Path) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(str(tiny_folder), cache_size=16_384)
    await engine.start()
    yield engine
    await engine.stop()
