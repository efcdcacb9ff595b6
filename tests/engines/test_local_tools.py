"""Tools and a local model: what it is told, and what it says."""

import json
import shutil

import pytest

from chat.engines import local_models
from chat.engines.base import EngineError, Progress
from chat.engines.local.job import Job, JobMaker
from chat.engines.local.loading import Loaded, Wanted, load
from chat.engines.local_models import TOOLS, LocalModel
from chat.tool_calls import CallPiece
from tests.engines.helpers import ask
from tests.engines.test_prompt import TOOL, TOOL_TEMPLATE

CALL = '<tool_call>{"name": "weather", "arguments": {"n": 1}}</tool_call>'


@pytest.fixture(scope="module")
def loaded(tiny_folder) -> Loaded:
    found = load(Wanted(str(tiny_folder)), lambda _state: None)
    found.tokenizer.chat_template = TOOL_TEMPLATE
    return found


def job(loaded: Loaded, progress: Progress | None = None, **params: object) -> Job:
    maker = JobMaker(loaded, context=512, max_tokens=200)
    return maker.make(ask(progress=progress, **{"tools": [TOOL], **params}))


def says(loaded: Loaded, job: Job, text: str) -> tuple[str, list[CallPiece]]:
    """What comes out when the model writes `text`, a token at a time."""
    chunks = [job.push([token]) for token in loaded.tokenizer.encode(text)]
    end = job.finish()
    chunks += [end] if end else []
    calls = [call for chunk in chunks for call in chunk.tool_calls]
    assert sum(chunk.tokens for chunk in chunks) == job.reply.completed
    return "".join(chunk.text for chunk in chunks), calls


def test_a_call_comes_out_as_one(loaded):
    asked = job(loaded)
    text, calls = says(loaded, asked, f"Well:\n{CALL}<|im_end|>")
    assert text == "Well:\n"
    assert calls == [CallPiece(0, "call_request_0", "weather", '{"n": 1}')]
    assert asked.finish_reason == "tool_calls"


def test_without_a_call_it_ends_as_ever(loaded):
    asked = job(loaded)
    assert says(loaded, asked, "No.<|im_end|>") == ("No.", [])
    assert asked.finish_reason == "stop"


def test_without_tools_a_tag_is_text(loaded):
    for how in ({"tools": None}, {"tool_choice": "none"}):
        assert says(loaded, job(loaded, **how), CALL) == (CALL, [])


def test_it_ends_behind_the_only_call_there_may_be(loaded):
    asked = job(loaded, parallel_tool_calls=False)
    text, calls = says(loaded, asked, CALL + CALL)
    assert (text, len(calls)) == ("", 1)
    assert asked.reply.over
    assert asked.finish_reason == "tool_calls"


def test_calls_of_an_earlier_attempt_are_said_again(loaded):
    """The runner takes them back: it goes on behind the ids that are left."""
    ids = tuple(loaded.tokenizer.encode(f"Well: {CALL}{CALL}"))
    _text, whole = says(loaded, job(loaded), f"Well: {CALL}{CALL}")
    for end in range(len(ids)):
        before = Progress("Well: "[:end], "", ids[:end], end)
        asked = job(loaded, before)
        calls = list(asked.ahead.tool_calls) if asked.ahead else []
        for token in ids[end:]:
            calls += asked.push([token]).tool_calls
        assert calls == whole
        assert asked.reply.completed == len(ids)


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "weather"}}]
)
def test_it_cannot_be_made_to_call(loaded, choice):
    with pytest.raises(EngineError, match="tool_choice") as error:
        job(loaded, tool_choice=choice)
    assert error.value.code == "invalid_params"


def test_a_model_whose_template_has_no_tools_refuses_them(tiny_folder):
    plain = load(Wanted(str(tiny_folder)), lambda _state: None)
    with pytest.raises(EngineError, match="tools") as error:
        job(plain)
    assert error.value.code == "invalid_params"
    assert job(plain, tools=None).prompt.ids


def test_what_a_model_can_is_read_from_its_files(tiny_folder, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    here = LocalModel(id="tiny", name=str(folder))
    assert here.info().can == frozenset()
    assert here.info().context_tokens == 512

    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    named = [{"name": "tool_use", "template": TOOL_TEMPLATE}]
    for template in (TOOL_TEMPLATE, named):
        written = json.dumps(config | {"chat_template": template})
        (folder / "tokenizer_config.json").write_text(written)
        local_models.known.cache_clear()
        assert here.info().can == TOOLS

    # From the hub: nothing is known before it is here.
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    hub = LocalModel(id="owner/name")
    assert (hub.info().can, hub.info().context_tokens) == (frozenset(), None)
    model = tmp_path / "hub" / "models--owner--name"
    shutil.copytree(folder, model / "snapshots" / "c0ffee")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("c0ffee")
    assert (hub.info().can, hub.info().context_tokens) == (TOOLS, 512)
    pinned = LocalModel(id="pinned", name="owner/name", revision="c0ffee")
    assert pinned.info().can == TOOLS
    elsewhere = LocalModel(id="owner/other", can=("tools",), context_tokens=100)
    assert (elsewhere.info().can, elsewhere.info().context_tokens) == (TOOLS, 100)
