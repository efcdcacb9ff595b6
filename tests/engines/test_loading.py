import json
import shutil
from pathlib import Path

import httpx2
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from chat.engines.base import EngineError
from chat.engines.local import loading
from chat.engines.local.loading import load

NOT_HERE = LocalEntryNotFoundError("not here")


def quiet(_text: str) -> None: ...


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def failure(name: str | Path) -> EngineError:
    with pytest.raises(EngineError) as error:
        load(str(name), quiet)
    return error.value


def test_it_loads_a_folder(tiny_folder):
    loaded = load(str(tiny_folder), quiet)
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


def test_it_says_that_weights_are_damaged(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    error = failure(copy)
    assert error.code == "model_broken"
    assert "damaged or incomplete" in error.message


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_it_says_that_a_file_is_missing(copy, missing):
    (copy / missing).unlink()
    assert failure(copy).code == "model_broken"


def test_it_says_that_a_model_is_of_an_unknown_kind(copy):
    config = copy / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps(values | {"model_type": "from-the-future"}))
    error = failure(copy)
    assert error.code == "model_broken"
    assert "from-the-future" in error.message


def test_it_says_that_the_hub_is_out_of_reach(monkeypatch):
    def unreachable(*_args: object, **_options: object) -> str:
        raise LocalEntryNotFoundError("not here, and no connection")

    monkeypatch.setattr(loading, "snapshot_download", unreachable)
    error = failure("owner/name")
    assert error.code == "model_not_found"
    assert error.retryable
    assert "cannot be reached" in error.message


def test_it_says_that_the_hub_has_no_such_model(monkeypatch):
    def absent(
        *_args: object, local_files_only: bool = False, **_options: object
    ) -> str:
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        request = httpx2.Request("GET", "https://hub.invalid")
        raise RepositoryNotFoundError(
            "404", response=httpx2.Response(404, request=request)
        )

    monkeypatch.setattr(loading, "snapshot_download", absent)
    error = failure("owner/name")
    assert error.code == "model_not_found"
    assert "HF_TOKEN" in error.message


def test_it_downloads_what_is_not_here_and_tells_how_far(tiny_folder, monkeypatch):
    def hub(
        _name: str,
        *,
        local_files_only: bool = False,
        tqdm_class=None,
        **_options: object,
    ) -> str:
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        with tqdm_class(total=200, unit="B", name="bytes") as bar:
            bar.update(100)
            bar.update(100)
        return str(tiny_folder)

    said: list[str] = []
    monkeypatch.setattr(loading, "snapshot_download", hub)
    assert load("owner/name", said.append).context == 512
    assert said[:3] == [
        "downloading owner/name",
        "downloading owner/name: 50 %",
        "downloading owner/name: 100 %",
    ]


def test_it_takes_the_cache_without_asking_the_hub(tiny_folder, monkeypatch):
    def cached(
        _name: str, *, local_files_only: bool = False, **_options: object
    ) -> str:
        assert local_files_only
        return str(tiny_folder)

    monkeypatch.setattr(loading, "snapshot_download", cached)
    assert load("owner/name", quiet).context == 512
