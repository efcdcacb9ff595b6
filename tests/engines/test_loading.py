import json
import shutil
from pathlib import Path

import pytest

from chat.engines.base import EngineError, ModelState
from chat.engines.local import room
from chat.engines.local.loading import Wanted, load
from chat.engines.local.weights import Source


def quiet(_state: ModelState) -> None: ...


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def failure(name: str | Path, **how: object) -> EngineError:
    with pytest.raises(EngineError) as error:
        load(Wanted(str(name), **how), quiet)
    return error.value


def test_it_loads_a_folder(tiny_folder):
    loaded = load(Wanted(str(tiny_folder)), quiet)
    assert loaded.context == 512
    assert loaded.ends == {loaded.tokenizer.eos_token_id}
    assert loaded.bytes_per_token == 2 * 2 * 2 * 8 * 4


@pytest.mark.parametrize("name", ["/no/such/model", "./missing", "a/b/c"])
def test_it_says_that_a_folder_is_missing(name):
    error = failure(name)
    assert error.code == "model_not_found"
    assert "no folder" in error.message


def test_it_says_that_a_name_is_none():
    error = failure("not a name!")
    assert error.code == "model_not_found"
    assert "neither a folder nor a hub id" in error.message


@pytest.mark.parametrize("left", [0, 4, 1000, -1])
def test_it_says_that_weights_are_damaged(copy, left):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:left])
    error = failure(copy)
    assert error.code == "model_broken"
    assert "damaged or incomplete" in error.message


@pytest.mark.parametrize(
    "missing", ["model.safetensors", "config.json", "tokenizer.json"]
)
def test_it_says_that_a_file_is_missing(copy, missing):
    (copy / missing).unlink()
    error = failure(copy)
    assert error.code == "model_broken"
    assert missing.partition(".")[0] in error.message


def test_it_says_that_a_part_of_the_weights_is_missing(copy):
    parts = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(parts))
    shutil.copy(copy / "model.safetensors", copy / "model-1.safetensors")
    error = failure(copy)
    assert error.code == "model_broken"
    assert "model-2.safetensors is missing" in error.message


@pytest.mark.parametrize("text", ["{", "[]", "ÿ"])
def test_it_says_that_a_file_is_no_json(copy, text):
    (copy / "config.json").write_bytes(text.encode("latin-1"))
    error = failure(copy)
    assert error.code == "model_broken"
    assert "config.json" in error.message


def test_it_says_that_a_model_is_of_an_unknown_kind(copy):
    config = copy / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps(values | {"model_type": "from-the-future"}))
    error = failure(copy)
    assert error.code == "model_broken"
    assert "'from-the-future') is newer than transformers" in error.message
    config.write_text(json.dumps({"model_type": "own", "auto_map": {}}))
    assert "code of its own" in failure(copy).message
    config.write_text(json.dumps({"model_type": "clip"}))
    assert "no model that writes text" in failure(copy).message


class TestMemory:
    def test_it_refuses_before_it_loads(self, tiny_folder, monkeypatch):
        monkeypatch.setattr(room, "free_memory", lambda: 100 * 2**20)
        error = failure(tiny_folder)
        assert error.code == "out_of_memory"
        assert "it takes 135 MB, and this machine has 105 MB" in error.message

    def test_it_counts_the_cache_that_is_asked_for(self, tiny_folder, monkeypatch):
        monkeypatch.setattr(room, "free_memory", lambda: 200 * 2**20)
        load(Wanted(str(tiny_folder), cache_bytes=64 * 2**20), quiet)
        error = failure(tiny_folder, cache_bytes=128 * 2**20)
        assert error.code == "out_of_memory"

    def test_a_stated_budget_is_believed(self, tiny_folder, monkeypatch):
        monkeypatch.setattr(room, "free_memory", lambda: 0)
        load(Wanted(str(tiny_folder), budget=200 * 2**20), quiet)
        error = failure(tiny_folder, budget=100 * 2**20)
        assert "CHAT_LOCAL_MEMORY_MB" in error.message

    def test_floats_count_as_they_will_be_in_memory(self, tiny_folder):
        tensors = Source("tiny", tiny_folder).weights()
        stored = (tiny_folder / "model.safetensors").stat().st_size
        assert 0 < stored - room.weight_bytes(tensors, 4) < 10_000
        assert room.weight_bytes(tensors, 2) * 2 == room.weight_bytes(tensors, 4)

    def test_a_container_may_have_less_than_its_machine(self, tmp_path, monkeypatch):
        monkeypatch.setattr(room, "CGROUP", tmp_path)
        whole = room.free_memory()
        (tmp_path / "memory.max").write_text("max\n")
        (tmp_path / "memory.current").write_text("700000\n")
        assert room.free_memory() > whole // 2
        (tmp_path / "memory.max").write_text("1000000\n")
        (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
        assert room.free_memory() == 500_000
