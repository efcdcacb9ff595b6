"""Which pipelines are loaded, and what is said of those that are not."""

import json
import shutil
from pathlib import Path

import pytest
from diffusers import DDIMScheduler, DDPMPipeline, UNet2DModel
from huggingface_hub import constants

from chat.engines.base import EngineError, ModelState
from chat.engines.image import loading
from chat.engines.image.demo import build, publish
from chat.engines.image.loading import DRAWER, load
from chat.engines.image.painter import Painter
from chat.engines.local.loading import Wanted
from tests.engines.hub import serving


def silent(_state: ModelState) -> None: ...


@pytest.fixture
def copy(pipeline_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pipeline_folder, tmp_path / "copy"))


def refusal(folder: Path) -> EngineError:
    with pytest.raises(EngineError) as raised:
        Painter("it", load(Wanted(str(folder)), silent))
    return raised.value


def test_a_folder_is_loaded(pipeline_folder: Path) -> None:
    painter = Painter("it", load(Wanted(str(pipeline_folder)), silent))

    assert (painter.factor, painter.side, painter.steps) == (4, 256, 50)


def test_the_demo_is_built_where_it_is_loaded_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "DEMO_FOLDER", tmp_path / "var" / "demo-image")

    load(Wanted("demo"), silent)

    assert [path.name for path in (tmp_path / "var").iterdir()] == ["demo-image"]


def test_who_builds_it_second_leaves_it_as_it_is(
    copy: Path, pipeline_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "built"
    shutil.copytree(pipeline_folder, folder)
    mark = folder / "mark"
    mark.touch()

    publish(copy, folder)

    assert mark.exists()
    assert build(folder) == folder


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)

    assert error.code == "model_broken"
    assert "model_index.json" in error.message


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").code == "model_not_found"


def test_a_part_without_weights_is_refused(copy: Path) -> None:
    (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink()

    error = refusal(copy)
    assert "unet has no weights" in error.message


def test_half_a_file_is_refused(copy: Path) -> None:
    file = copy / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])

    error = refusal(copy)
    assert "is damaged or incomplete" in error.message
    assert "vae/diffusion_pytorch_model.safetensors" in error.message


def test_a_missing_shard_is_refused(copy: Path) -> None:
    index = copy / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    names = ["diffusion_pytorch_model.safetensors", "second.safetensors"]
    index.write_text(json.dumps({"weight_map": dict(enumerate(names))}))

    assert "unet/second.safetensors is missing" in refusal(copy).message


@pytest.mark.parametrize("kind", ["NewerThanThisPipeline", ["mine", "MyPipeline"]])
def test_a_kind_without_code_here_is_refused(copy: Path, kind: object) -> None:
    index = copy / "model_index.json"
    said = json.loads(index.read_text())
    index.write_text(json.dumps({**said, "_class_name": kind}))

    assert "newer than diffusers" in refusal(copy).message


def test_one_that_draws_without_a_text_is_refused(tmp_path: Path) -> None:
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )
    DDPMPipeline(unet, DDIMScheduler()).save_pretrained(tmp_path / "faces")

    error = refusal(tmp_path / "faces")
    assert "is no pipeline that draws from a text" in error.message


def test_one_too_large_is_refused_before_it_is_loaded(
    pipeline_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.engines.local.room.free_memory", lambda: 10**6)

    error = refusal(pipeline_folder)
    assert error.code == "out_of_memory"
    assert error.message.endswith("Choose a smaller model, or make room.")


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("model_index.json", True),
        ("unet/diffusion_pytorch_model.safetensors", True),
        ("transformer/diffusion_pytorch_model-00001-of-00003.safetensors", True),
        ("tokenizer_2/spiece.model", True),
        ("tokenizer/merges.txt", True),
        ("unet/diffusion_pytorch_model.fp16.safetensors", False),
        ("unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors", False),
        ("unet/diffusion_pytorch_model.non_ema.safetensors", False),
        ("unet/diffusion_pytorch_model.bin", False),
        ("flux1-schnell.safetensors", False),
        ("README.md", False),
    ],
)
def test_what_is_fetched_of_a_repository(file: str, wanted: bool) -> None:
    assert (file in DRAWER) is wanted


def test_a_name_is_fetched_from_the_hub(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "whole.safetensors").write_bytes(b"the same once more")
    states: list[ModelState] = []
    with serving(copy) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        load(Wanted("owner/name"), states.append)
    again = load(Wanted("owner/name"), silent)

    assert again.vae_scale_factor == 4
    downloads = [state for state in states if state.name == "downloading"]
    assert downloads[-1].bytes == downloads[-1].total_bytes > 1_000_000
    assert not any("whole" in path for path in hub.asked)
