"""Models from a hub: what is asked of it, what is said meanwhile, what goes wrong."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from chat.engines.base import EngineError, ModelState
from chat.engines.local import LocalEngine, fetching
from chat.engines.local.loading import Wanted, load
from tests.engines.hub import COMMIT, TAGGED, Hub, serving

NAME = "owner/name"


@pytest.fixture
def hub(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    with serving(tiny_folder) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        files = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield hub


def fetch(revision: str | None = None) -> list[ModelState]:
    """What was said meanwhile."""
    said: list[ModelState] = []
    fetching.fetch(NAME, revision, said.append)
    return said


def failure(name: str = NAME, revision: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as error:
        load(Wanted(name, revision), lambda _state: None)
    return error.value


def test_it_tells_how_many_bytes_and_files_have_come(hub, caplog):
    caplog.set_level(logging.INFO, "chat")
    coming = [state for state in fetch() if state.total_files]
    total = sum(map(len, hub.files.values()))
    assert {state.name for state in coming} == {"downloading"}
    assert (coming[0].bytes, coming[0].files) == (0, 0)
    assert {state.total_bytes for state in coming} == {total}
    assert coming[-1].bytes == total
    assert coming[-1].files == coming[-1].total_files == len(hub.files)
    assert [s.bytes for s in coming] == sorted(s.bytes for s in coming)
    files = len(hub.files)
    assert f"downloading {NAME}: 0 MB of 1 MB, 0 of {files} files" in caplog.text
    assert f"{files} of {files} files" in caplog.text


def test_it_asks_for_nothing_that_is_here(hub):
    fetch()
    hub.asked.clear()
    assert fetch() == []
    assert hub.asked == []


def test_it_leaves_other_formats_where_they_are(hub, monkeypatch):
    hub.files |= {"pytorch_model.bin": b"x" * 100, "consolidated.safetensors": b"x"}
    fetch()
    fetched = {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path}
    assert "model.safetensors" in fetched
    assert not fetched & {"pytorch_model.bin", "consolidated.safetensors"}


@pytest.mark.parametrize(
    ("revision", "commit"), [(None, COMMIT), ("v1", TAGGED), (COMMIT, COMMIT)]
)
def test_it_fetches_that_revision(hub, revision, commit):
    fetch(revision)
    fetched = [path.split("/")[4] for path in hub.asked if "/resolve/" in path]
    assert set(fetched) == {commit}


def test_it_says_that_there_is_no_such_revision(hub):
    error = failure(revision="v9")
    assert error.code == "revision_not_found"
    assert "v9" in error.message


def test_it_says_that_the_hub_has_no_such_model(hub):
    error = failure("owner/wrong")
    assert error.code == "model_not_found"
    assert "check the name" in error.message
    assert "HF_TOKEN" in error.message


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (403, {"X-Error-Code": "GatedRepo"}, "accept its terms at"),
        (401, {"X-Error-Code": "GatedRepo"}, "accept its terms at"),
        (403, {}, "check HF_TOKEN"),
        (
            401,
            {"X-Error-Message": "Invalid credentials in Authorization header"},
            "check HF_TOKEN",
        ),
    ],
)
def test_it_says_what_a_gated_model_needs(hub, status, headers, advice):
    hub.refusal = (status, headers)
    error = failure()
    assert error.code == "model_gated"
    assert advice in error.message
    assert "HF_TOKEN" in error.message
    assert hub.url in error.message


@pytest.mark.parametrize("status", [500, 503])
def test_a_hub_that_is_down_may_be_up_later(hub, status):
    hub.refusal = (status, {})
    error = failure()
    assert (error.code, error.retryable) == ("model_not_found", True)
    assert hub.url in error.message


def test_it_says_that_nobody_answers_there(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    error = failure()
    assert (error.code, error.retryable) == ("model_not_found", True)
    assert "cannot be reached" in error.message


def test_it_tells_nobody_a_password_of_the_hub(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://bob:s3cret@127.0.0.1:9")
    error = failure()
    assert "http://127.0.0.1:9" in error.message
    assert "s3cret" not in error.message


def test_offline_it_takes_what_is_here_and_asks_for_nothing(hub, monkeypatch):
    fetch()
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fetch()
    assert hub.asked == []


def test_offline_it_says_that_a_model_is_not_here(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = failure()
    assert error.code == "model_not_found"
    assert "HF_HUB_OFFLINE" in error.message
    assert constants.HF_HUB_CACHE in error.message
    assert hub.asked == []


def test_it_says_that_a_model_has_no_weights_it_can_read(hub):
    hub.files["pytorch_model.bin"] = hub.files.pop("model.safetensors")
    error = failure()
    assert error.code == "model_broken"
    assert "safetensors" in error.message
    assert not any("/resolve/" in path for path in hub.asked)


def test_it_says_that_the_disk_is_too_small(hub, monkeypatch):
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _path: full)
    error = failure()
    assert error.code == "disk_full"
    assert "HF_HOME" in error.message


async def test_an_engine_says_what_is_wrong_while_it_lasts(hub):
    engine = LocalEngine(NAME, cache_size=512)
    hub.refusal = (403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(EngineError, match="gated"):
        await engine.start()
    [state] = engine.states().values()
    assert (state.name, state.message) == ("failed", engine.problem)
    assert "HF_TOKEN" in state.message

    hub.refusal = None
    await engine.start()
    [state] = engine.states().values()
    assert state.name == "ready"
    assert state.seconds is not None
    await engine.stop()


async def test_a_download_ends_where_nobody_waits_for_it(hub):
    engine = LocalEngine(NAME)
    await engine.stop()
    with pytest.raises(EngineError) as error:
        load(Wanted(NAME), engine._report)
    assert error.value.code == "engine_stopped"
    assert not any("/resolve/" in path for path in hub.asked)
