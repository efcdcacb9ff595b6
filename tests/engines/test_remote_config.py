"""Which remote models there are: from the settings, the file, and the engines."""

from __future__ import annotations

import pytest
import pytest_asyncio

from chat.engines import registry
from chat.engines.base import EngineRequest, Params, Progress
from chat.engines.remote import payload
from chat.engines.remote.catalog import catalog, parse
from chat.engines.remote.config import ConfigError, from_file, from_url
from chat.engines.remote.payload import Seam, fit, without
from chat.engines.remote.places import Places
from tests.reading import eventually
from tests.upstream import Upstream, serve

FILE = """
[[engines]]
name = "gpu"
base_urls = ["http://a.example/v1/", "http://b.example/v1"]
api_key_env = "GPU_KEY"
continue = "trailing"

[[engines]]
name = "cloud"
base_urls = ["https://dashscope.example/api/v1"]
protocol = "dashscope"
continue = "partial"

[[models]]
id = "qwen"
engine = "gpu"
name = "Qwen/Qwen3-8B"
label = "Qwen 3"
context_tokens = 100
defaults = { temperature = 0.7, top_p = 0.9 }
extra = { priority = 1 }
can = ["json"]

[[models]]
id = "qwen-plus"
engine = "cloud"
"""


@pytest.fixture
def models_file(tmp_path, settings):
    def write(text: str = FILE):
        path = tmp_path / "models.toml"
        path.write_text(text)
        settings.CHAT_MODELS_FILE = path
        from_file.cache_clear()
        return path

    return write


@pytest_asyncio.fixture
async def asked():
    """The catalog, which is stopped afterwards."""
    yield catalog
    await catalog.stop()


def test_a_file_names_models_over_engines(models_file, settings, monkeypatch):
    settings.CHAT_MODEL = "qwen-plus"
    monkeypatch.setenv("GPU_KEY", "sk-1")
    gpu, cloud = from_file(models_file())

    assert gpu.base_urls == ("http://a.example/v1", "http://b.example/v1")
    assert gpu.headers() == {"Authorization": "Bearer sk-1"}
    assert cloud.headers() == {}
    assert [info.id for info in registry.models()] == ["qwen-plus", "qwen"]
    qwen = registry.find_model("qwen")
    assert (qwen.label, qwen.context_tokens, qwen.can) == ("Qwen 3", 100, {"json"})
    assert registry.models()[0].id == "qwen-plus"
    assert "sk-1" not in repr(gpu)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[engines]", "CHAT_MODELS_FILE"),
        ('[[engines]]\nname = "a"', "base_urls"),
        ('[[engines]]\nname = "a"\nbase_urls = ["ftp://x"]', "base_urls"),
        ('[[engines]]\nname = "a"\nbase_urls = ["http://x"]\ntypo = 1', "typo"),
        (FILE + FILE, "twice"),
        (FILE.replace('engine = "cloud"', 'engine = "sky"'), "sky"),
        (FILE.replace('"partial"', '"somehow"'), "continue"),
    ],
)
def test_a_file_that_does_not_fit_says_where(models_file, text, said):
    with pytest.raises(ConfigError, match=said):
        from_file(models_file(text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="CHAT_MODELS_FILE"):
        from_file(tmp_path / "nothing.toml")


def test_the_model_of_this_process_stays_beside_an_engine(settings):
    settings.CHAT_BASE_URL = "http://127.0.0.1:9/v1"
    assert [info.id for info in registry.models()] == ["scripted"]

    settings.CHAT_MODEL = "demo"
    assert registry.models() == []


async def test_an_engine_lists_its_models(settings, asked):
    settings.CHAT_MODEL = "big"
    settings.CHAT_MODELS_SECONDS = 0.05
    upstream = Upstream(("small", "big"))
    with serve(upstream) as url:
        settings.CHAT_BASE_URL = url
        assert [info.id for info in registry.models()] == ["big"]
        asked.start(registry.upstreams())
        await eventually(lambda: len(registry.models()) == 2)
        assert [info.id for info in registry.models()] == ["big", "small"]
        assert registry.find_model("small").context_tokens == 4096
        (where,) = registry.upstreams()
        assert asked.problem(where) is None

        upstream.models = ("small", "big", "new")
        await eventually(lambda: registry.find_model("new"))
        upstream.lists_fail = True
        await eventually(lambda: asked.problem(where))

    # What it served it will serve again: a blip hides no model.
    assert registry.find_model("new")
    await eventually(lambda: "cannot be reached" in (asked.problem(where) or ""))


async def test_a_wrong_key_is_a_problem(settings, asked):
    upstream = Upstream()
    upstream.key = "right"
    with serve(upstream) as url:
        settings.CHAT_BASE_URL, settings.CHAT_API_KEY = url, "wrong"
        asked.start(registry.upstreams())
        (where,) = registry.upstreams()
        assert "not answered yet" in asked.problem(where)
        await eventually(lambda: "API key" in asked.problem(where))


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"data": [{"id": "a"}, {"id": "b", "max_model_len": 8}]}, ["a", "b"]),
        ([{"id": "a"}], ["a"]),
        ({"data": [{"id": 5}, "x", {"id": ""}, {"id": "y" * 201}]}, []),
        ({"data": None}, []),
    ],
)
def test_lists_have_more_than_one_shape(data, names):
    assert [model.id for model in parse(data)] == names


# Payloads


def request(count: int, **params: object) -> EngineRequest:
    turns = [
        {"role": role, "content": f"{number} " + "word " * 20}
        for number in range(count)
        for role in ("user", "assistant")
    ]
    messages = [{"role": "system", "content": "Hm."}, *turns[:-1]]
    return EngineRequest("1.1", "qwen", messages, Params(**params))


def test_defaults_extra_and_the_engines_own_name(models_file):
    gpu, _cloud = from_file(models_file())
    body = payload.openai(gpu, gpu.model("qwen"), request(1, temperature=0.1))

    assert (body["model"], body["priority"]) == ("Qwen/Qwen3-8B", 1)
    assert (body["temperature"], body["top_p"]) == (0.1, 0.9)


def test_a_trailing_message_has_no_switches(models_file):
    gpu, cloud = from_file(models_file())
    going_on = EngineRequest(
        "1.2", "qwen", [{"role": "user", "content": "x"}], progress=Progress("so far")
    )
    body = payload.openai(gpu, gpu.model("qwen"), going_on)
    native = payload.dashscope(cloud, cloud.model("qwen-plus"), going_on)

    assert body["messages"][-1] == {"role": "assistant", "content": "so far"}
    assert "continue_final_message" not in body
    assert native["input"]["messages"][-1]["partial"] is True


def test_what_the_context_cannot_hold_is_left_out():
    asked = request(9)
    kept = fit(asked, asked.params, 200)

    assert kept[0]["role"] == "system"
    assert kept[-1] == asked.messages[-1]
    assert kept[1]["role"] == "user"
    assert 2 < len(kept) < len(asked.messages)
    assert fit(asked, asked.params, None) == asked.messages
    assert fit(asked, asked.params, 1) == [asked.messages[0], asked.messages[-1]]


@pytest.mark.parametrize(
    ("so_far", "parts", "whole"),
    [
        ("a ", [" b"], "a b"),
        ("a ", ["b"], "a b"),
        ("a\n\n", ["\n", "\nb"], "a\n\nb"),
        ("a\n\n", ["\n", " b"], "a\n\n b"),
        ("a", [" b"], "a b"),
        ("", [" b"], " b"),
        ("a ", ["  b"], "a  b"),
    ],
)
def test_white_space_at_the_seam_is_said_once(so_far, parts, whole):
    seam = Seam(Progress(so_far))

    assert so_far + "".join(map(seam, parts)) == whole


def test_what_a_refusal_names_is_left_out():
    body = {"model": "m", "top_k": 1, "min_p": 1, "continue_final_message": True}

    assert without(body, "top_k is unknown").keys() == {
        *("model", "min_p", "continue_final_message")
    }
    assert without(body, "no").keys() == {"model"}
    assert without({"model": "m"}, "no") is None


# Addresses


def test_the_least_busy_address_that_works():
    places = Places(["a", "b", "c"])
    first = places.pick()
    with first.in_use:
        second = places.pick()
        assert second is not first
        second.failed()
        assert places.pick().url == "c"
        assert places.pick([places.pick()]) is first
        second.works()
        assert places.pick() is second
    assert first.busy == 0


def test_all_that_failed_are_better_than_none():
    places = Places(["a"])
    places.pick().failed()

    assert places.pick().url == "a"


def test_several_addresses_in_one_variable():
    where = from_url("http://a/v1/, http://b/v1", None, None)

    assert where.base_urls == ("http://a/v1", "http://b/v1")
    with pytest.raises(ConfigError, match="CHAT_BASE_URL"):
        from_url("gpu:8000", None, None)
