"""The models that draw, as the settings name them: without torch or diffusers."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks

from chat.checks import pictures_can_be_drawn
from chat.engines import image_models, registry
from chat.engines.base import EngineError, ModelInfo
from chat.engines.registry import Engines, models
from chat.engines.remote.config import ConfigError, read_file
from tests.engines.helpers import ask, collect, eventually

FILE = """
[[engines]]
name = "gpu"
base_urls = ["http://127.0.0.1:9/v1"]

[[models]]
id = "words"
engine = "gpu"

[[models]]
id = "far"
engine = "gpu"
kind = "image"

[[models]]
id = "near"
engine = "local"
kind = "image"
name = "stabilityai/sd-turbo"
label = "SD Turbo"
defaults = { steps = 2, guidance = 0.0, size = [512, 256] }
"""


@pytest.fixture(autouse=True)
def plain(settings) -> None:
    settings.CHAT_MODEL = "scripted"
    settings.CHAT_BASE_URL = settings.CHAT_MODELS_FILE = None
    settings.CHAT_IMAGE_MODEL = ""
    settings.CHAT_ROLE = "all"


@pytest.fixture
def file(settings, tmp_path: Path) -> Path:
    settings.CHAT_MODELS_FILE = tmp_path / "models.toml"
    settings.CHAT_MODELS_FILE.write_text(FILE)
    return settings.CHAT_MODELS_FILE


def kinds() -> dict[str, str]:
    """Of all models; the scripted engine may offer one of its own."""
    return {info.id: info.kind for info in models() if "scripted" not in info.id}


def test_without_the_setting_there_is_none() -> None:
    assert registry.drawing() == []


def test_the_setting_names_one(settings) -> None:
    settings.CHAT_IMAGE_MODEL = "owner/fox"

    (info,) = [info for info in models() if info.id == "owner/fox"]
    assert (info.label, info.kind, info.demo) == ("fox", "image", False)


def test_the_demo_is_not_called_as_the_one_that_writes(settings) -> None:
    settings.CHAT_MODEL = settings.CHAT_IMAGE_MODEL = "demo"

    assert kinds() == {"demo": "text", "demo-image": "image"}


def test_it_is_the_default_of_those_that_draw(settings, file: Path) -> None:
    settings.CHAT_IMAGE_MODEL = "demo"

    drawing = [info.id for info in models() if info.kind == "image"]
    assert drawing[0] == "demo-image"


def test_the_file_names_several(file: Path) -> None:
    assert kinds() == {"words": "text", "far": "image", "near": "image"}
    (near,) = registry.drawing()
    assert near.info() == ModelInfo("near", "SD Turbo", continues=False, kind="image")
    assert (near.defaults.steps, near.defaults.size) == (2, (512, 256))


@pytest.mark.parametrize("name", ["near", "far"])
def test_the_setting_may_name_one_of_them(settings, file: Path, name: str) -> None:
    settings.CHAT_IMAGE_MODEL = name

    drawing = [name for name, kind in kinds().items() if kind == "image"]
    assert drawing[0] == name
    assert len(drawing) == 2


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("steps = 2, guidance", "defaults.steps"),
        ("label", "label"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, line: str, where: str
) -> None:
    broken = {"steps = 2, guidance": "steps = 0, guidance", "label": "label = 5 #"}
    path = tmp_path / "broken.toml"
    path.write_text(FILE.replace(line, broken[line]))

    with pytest.raises(ConfigError, match=where):
        read_file(path)


def test_no_name_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.toml"
    path.write_text(FILE.replace('"near"', '"words"'))

    with pytest.raises(ConfigError, match="words is there twice"):
        read_file(path)


def found() -> list[checks.CheckMessage]:
    return pictures_can_be_drawn(None)


class TestWithoutDiffusers:
    @pytest.fixture(autouse=True)
    def missing(self, settings, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.CHAT_IMAGE_MODEL = "demo"
        monkeypatch.setattr(image_models, "can_draw", lambda: False)

    def test_the_start_says_how_to_get_it(self) -> None:
        (warning,) = found()

        assert warning.id == "chat.W012"
        assert warning.hint == "pip install -r requirements-images.txt"

    async def test_the_feature_is_absent_and_the_rest_is_ready(self) -> None:
        engines = Engines()
        await engines.start()
        try:
            await engines.loaded()
            await eventually(lambda: "demo-image" in engines.states())
            state = engines.states()["demo-image"]
            problem = engines.problem
            with pytest.raises(EngineError, match="not served"):
                await engines.get("demo-image")
        finally:
            await engines.stop()

        assert "demo-image" not in kinds()
        assert problem is None
        assert state.name == "failed"
        assert "pip install -r requirements-images.txt" in state.message

    async def test_nothing_stands_in_for_it(self) -> None:
        engine = image_models.engine_of(registry.drawing()[0])

        with pytest.raises(EngineError, match="requirements-images"):
            await collect(engine, ask())

    def test_a_process_that_only_serves_needs_it_not(self, settings) -> None:
        settings.CHAT_ROLE = "web"

        assert found() == []
        assert kinds() == {"demo-image": "image"}


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("/no/such/folder", ["chat.E013"]),
        ("owner/fox", []),
        ("demo", []),
        ("", []),
    ],
)
def test_what_can_be_seen_before_it_is_loaded(
    settings, name: str, ids: list[str]
) -> None:
    settings.CHAT_IMAGE_MODEL = name

    assert [message.id for message in found()] == ids


async def test_nothing_waits_for_the_one_that_draws(
    settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is downloaded for an hour, or fails, keeps no text from anybody."""

    def broken(_model: object) -> None:
        raise EngineError("model_not_found", "There is no such model.")

    settings.CHAT_IMAGE_MODEL = "owner/fox"
    monkeypatch.setattr(image_models, "engine_of", broken)
    engines = Engines()
    await engines.start()
    try:
        await engines.loaded()
        await eventually(lambda: not engines.loading)
        assert engines.problem is None
        with pytest.raises(EngineError, match="no such model"):
            await engines.get("owner/fox")
        assert engines.states()["owner/fox"].name == "failed"
    finally:
        await engines.stop()


def test_a_process_that_only_serves_imports_neither() -> None:
    script = (
        "import os, sys, django\n"
        "django.setup()\n"
        "from chat.engines import registry\n"
        "assert [m.id for m in registry.models() if m.kind == 'image']\n"
        "print([name for name in ('torch', 'diffusers') if name in sys.modules])\n"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "SECRET_KEY": "only for this test",
        "CHAT_ROLE": "web",
        "CHAT_MODEL": "scripted",
        "CHAT_IMAGE_MODEL": "demo",
        "PATH": "",
    }
    said = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert said.stdout == "[]\n"
