"""Several models of one process: which are in memory, and who waits for which."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest

from chat.engines import registry, shelf
from chat.engines.base import (
    Chunk,
    EngineError,
    EngineEvent,
    EngineRequest,
    Finished,
    ModelInfo,
    ModelState,
    Prompted,
)
from chat.engines.local import LocalEngine
from chat.engines.local_models import LocalModel
from chat.engines.process import ProcessEngine
from chat.engines.remote.config import ConfigError, read_file
from chat.engines.shelf import Loadable, Shelf
from tests.engines.helpers import collect, eventually

SIZE = 100


class Paper(Loadable):
    """A model that takes 100 bytes, and says a word each time it may."""

    def __init__(self, name: str, size: int = SIZE) -> None:
        self.models = [ModelInfo(name, name)]
        self.size = size
        self.starts = 0
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.may_end = asyncio.Event()
        self.failure: EngineError | None = None
        self.state = ModelState("waiting")

    def states(self) -> dict[str, ModelState]:
        return {self.models[0].id: self.state}

    async def measure(self) -> int:
        return self.size

    async def start(self) -> None:
        self.starts += 1
        await self.may_start.wait()
        if self.failure:
            raise self.failure
        self.state = ModelState("ready", seconds=0.1)

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self.state = ModelState("waiting")

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        assert self.state.name == "ready"
        yield Prompted(1)
        yield Chunk(self.models[0].id, tokens=1)
        await self.may_end.wait()
        assert self.state.name == "ready"
        yield Finished("stop")


class Library:
    """Papers on a shelf that holds two of them."""

    def __init__(self, names: str = "abc", first=None) -> None:
        self.papers = {name: Paper(name) for name in names}
        self.shelf = Shelf(list(self.papers.values()), 2 * SIZE, first=first)
        self.be_patient(60)

    def be_patient(self, seconds: float) -> None:
        self.shelf._patience = seconds

    def loaded(self) -> str:
        states = self.shelf.states()
        return "".join(name for name in states if states[name].name == "ready")

    async def read(self, name: str) -> str:
        self.papers[name].may_end.set()
        return (await collect(self.shelf, request(name))).text

    def begin(self, name: str) -> "asyncio.Task[str]":
        """Reads it until `may_end`."""
        self.papers[name].may_end.clear()

        async def read() -> str:
            return (await collect(self.shelf, request(name))).text

        return asyncio.create_task(read())

    async def wait_until_loaded(self, names: str) -> None:
        await eventually(lambda: self.loaded() == names)


def request(model: str) -> EngineRequest:
    user = {"role": "user", "content": "Hello"}
    return EngineRequest("id", model, [user])


async def test_a_model_is_loaded_when_it_is_asked_for():
    here = Library()
    await here.shelf.start()
    assert here.loaded() == ""
    assert here.shelf.problem is None
    assert await here.read("b") == "b"
    assert here.loaded() == "b"
    assert await here.read("b") == "b"
    assert here.papers["b"].starts == 1
    assert here.shelf.states()["b"].seconds == 0.1


async def test_the_one_longest_unused_makes_room():
    here = Library()
    for name in "abac":
        await here.read(name)
    assert here.loaded() == "ac"
    await here.read("b")
    assert here.loaded() == "bc"


async def test_one_that_answers_is_never_unloaded():
    here = Library()
    first, second = here.begin("a"), here.begin("b")
    await here.wait_until_loaded("ab")
    third = asyncio.create_task(here.read("c"))
    waits = here.shelf._books["c"]
    await eventually(lambda: waits.users == 1 and here.shelf._making_room.locked())
    assert here.loaded() == "ab"
    here.papers["b"].may_end.set()
    assert await second == "b"
    assert await third == "c"
    assert here.loaded() == "ac"
    here.papers["a"].may_end.set()
    assert await first == "a"


async def test_who_waits_too_long_is_told_why():
    here = Library()
    tasks = [here.begin("a"), here.begin("b")]
    await here.wait_until_loaded("ab")
    here.be_patient(0.01)
    with pytest.raises(EngineError) as error:
        await here.read("c")
    assert (error.value.code, error.value.retryable) == ("models_busy", True)
    assert here.loaded() == "ab"
    for name in "ab":
        here.papers[name].may_end.set()
    assert [await task for task in tasks] == ["a", "b"]
    here.be_patient(60)
    assert await here.read("c") == "c"


async def test_one_that_never_fits_is_refused():
    here = Library("ab")
    here.papers["a"].size = 3 * SIZE
    await here.read("b")
    with pytest.raises(EngineError, match="CHAT_LOCAL_MEMORY_MB") as error:
        await here.read("a")
    assert error.value.code == "out_of_memory"
    assert here.shelf.states()["a"].name == "failed"
    assert here.loaded() == "b"


async def test_all_who_ask_meanwhile_wait_for_the_one_start():
    here = Library()
    paper = here.papers["a"]
    paper.may_start.clear()
    tasks = [asyncio.create_task(here.read("a")) for _ in range(5)]
    await eventually(lambda: paper.starts == 1)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    paper.may_start.set()
    assert await asyncio.gather(*tasks[1:]) == ["a"] * 4
    assert paper.starts == 1


async def test_a_start_goes_on_when_all_went_away():
    here = Library()
    here.papers["a"].may_start.clear()
    task = asyncio.create_task(here.read("a"))
    await eventually(lambda: here.papers["a"].starts == 1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    here.papers["a"].may_start.set()
    await here.wait_until_loaded("a")


async def test_a_failure_is_not_tried_again_at_once(monkeypatch):
    here = Library()
    here.papers["a"].failure = EngineError("model_gated", "It is gated.")
    for _ in range(3):
        with pytest.raises(EngineError, match="gated"):
            await here.read("a")
    assert here.papers["a"].starts == 1
    assert here.shelf.states()["a"] == ModelState("failed", "It is gated.")
    assert here.shelf.problem is None
    assert await here.read("b") == "b"
    assert await here.read("c") == "c"

    monkeypatch.setattr(shelf, "FAILED_SECONDS", -1)
    here.papers["a"].failure = None
    assert await here.read("a") == "a"


async def test_one_that_broke_later_is_loaded_again(monkeypatch):
    here = Library()
    await here.read("a")
    here.papers["a"].state = ModelState("failed", "its worker keeps dying")
    monkeypatch.setattr(shelf, "FAILED_SECONDS", -1)
    assert await here.read("a") == "a"
    assert here.papers["a"].starts == 2


async def test_the_default_is_there_from_the_start():
    here = Library(first="b")
    here.papers["b"].may_start.clear()
    await here.shelf.start()
    await eventually(lambda: here.papers["b"].starts == 1)
    assert here.shelf.problem is not None
    assert await here.read("a") == "a"
    assert here.shelf.problem is not None
    here.papers["b"].may_start.set()
    await here.wait_until_loaded("ab")
    assert here.shelf.problem is None


async def test_a_default_that_had_to_go_is_no_problem():
    here = Library(first="b")
    await here.shelf.start()
    await here.wait_until_loaded("b")
    for name in "ac":
        await here.read(name)
    assert here.loaded() == "ac"
    assert here.shelf.problem is None


async def test_it_tells_which_ones_are_on_their_way():
    """To the start, to room, to a failure: not those that nobody asked for."""
    here = Library()
    assert here.shelf.loading == set()
    here.papers["a"].may_start.clear()
    first, second = here.begin("a"), here.begin("b")
    await here.wait_until_loaded("b")
    assert here.shelf.loading == {"a"}

    third = here.begin("c")
    await eventually(here.shelf._making_room.locked)
    assert here.shelf.loading == {"a", "c"}

    here.papers["a"].failure = EngineError("model_gated", "It is gated.")
    here.papers["a"].may_start.set()
    with pytest.raises(EngineError, match="gated"):
        await first
    await here.wait_until_loaded("bc")
    assert here.shelf.loading == set()
    for name in "bc":
        here.papers[name].may_end.set()
    assert [await second, await third] == ["b", "c"]


async def test_a_default_that_fails_keeps_the_others_from_nothing():
    here = Library(first="b")
    here.papers["b"].failure = EngineError("model_broken", "It is damaged.")
    await here.shelf.start()
    await eventually(lambda: here.shelf.problem == "It is damaged.")
    assert await here.read("a") == "a"


async def test_it_stops_while_one_is_loaded():
    here = Library()
    here.papers["a"].may_start.clear()
    task = asyncio.create_task(here.read("a"))
    await eventually(lambda: here.papers["a"].starts == 1)
    await here.shelf.stop()
    with pytest.raises((asyncio.CancelledError, EngineError)):
        await task
    assert here.loaded() == ""


async def test_it_names_what_it_does_not_have():
    with pytest.raises(EngineError) as error:
        await collect(Library().shelf, request("z"))
    assert error.value.code == "model_not_found"


async def test_real_models_take_turns_in_memory(tiny_folder):
    engines = [
        LocalEngine(str(tiny_folder), ModelInfo(name, name), cache_bytes=2**20)
        for name in "ab"
    ]
    room = await engines[0].measure()
    assert 129 * 2**20 < room < 130 * 2**20
    both = Shelf(engines, room + 2**20)
    first = await collect(both, request("a"))
    weights = weakref.ref(engines[0]._loaded.model)
    assert both.states()["a"].name == "ready"
    assert both.states()["a"].seconds is not None

    stream = both.stream(request("a"))
    async with aclosing(stream):
        await anext(stream)
        second = asyncio.create_task(collect(both, request("b")))
        await eventually(both._making_room.locked)
        assert both.states()["b"].message == "b waits for memory"
    assert (await second).token_ids == first.token_ids
    assert both.states()["a"].name == "waiting"
    gc.collect()
    assert weights() is None
    assert (await collect(both, request("a"))).token_ids == first.token_ids
    await both.stop()


FILE = """
[[models]]
id = "small"
engine = "local"
name = "demo"
label = "Small"

[[models]]
id = "owner/large"
engine = "local"
revision = "v1"
cache_mb = 64
"""


def test_a_file_names_several_models_of_this_process(tmp_path, settings):
    settings.CHAT_MODELS_FILE = tmp_path / "models.toml"
    settings.CHAT_MODELS_FILE.write_text(FILE)
    settings.CHAT_MODEL, settings.CHAT_LOCAL_MEMORY_MB = "demo", 300
    settings.CHAT_CACHE_MB = 32
    small, large = registry.models()
    assert (small.id, small.label, small.demo) == ("small", "Small", True)
    assert (large.id, large.label) == ("owner/large", "large")

    [offer] = registry.offers()
    built = offer.build()
    assert isinstance(built, Shelf)
    assert (built._budget, built._first) == (300 * 2**20, "small")
    given = [book.engine.options for book in built._books.values()]
    assert [options["revision"] for options in given] == [None, "v1"]
    assert [options["cache_bytes"] for options in given] == [32 * 2**20, 64 * 2**20]

    settings.CHAT_MODEL = "owner/large"
    assert [info.id for info in registry.models()] == ["owner/large", "small"]
    [offer] = registry.offers()
    assert offer.build()._first == "owner/large"

    settings.CHAT_MODEL = "owner/other"
    assert registry.models()[0].id == "owner/other"
    settings.CHAT_MODEL = "scripted"
    assert registry.models()[0].id == "scripted"


def test_one_model_of_this_process_is_loaded_at_the_start(tmp_path, settings):
    settings.CHAT_MODELS_FILE = tmp_path / "models.toml"
    settings.CHAT_MODELS_FILE.write_text(FILE.partition("\n\n")[0])
    settings.CHAT_MODEL = "demo"
    [offer] = registry.offers()
    assert isinstance(offer.build(), ProcessEngine)


def test_a_local_model_that_does_not_fit_says_where(tmp_path):
    path = tmp_path / "models.toml"
    path.write_text(FILE + "typo = 1")
    with pytest.raises(ConfigError, match=r"local\.1\.typo"):
        read_file(path)


def test_a_model_without_a_name_is_named_by_its_id():
    assert LocalModel(id="owner/name").source == "owner/name"


async def test_who_lost_patience_leaves_the_room_free():
    """While another model was being unloaded for them."""
    here = Library()
    unloading, may_go = asyncio.Event(), asyncio.Event()
    stop = here.papers["a"].stop

    async def slowly() -> None:
        unloading.set()
        await may_go.wait()
        await stop()

    here.papers["a"].stop = slowly
    await here.read("a")
    await here.read("b")
    here.be_patient(0.05)

    with pytest.raises(EngineError) as refused:
        await here.read("c")
    await eventually(unloading.is_set)
    here.be_patient(60)
    may_go.set()
    await eventually(lambda: here.loaded() == "b")

    assert refused.value.code == "models_busy"
    assert await here.read("c") == "c"


async def test_the_end_of_the_process_ends_loading_too():
    here = Library("ab", first="a")
    here.papers["a"].may_start.clear()
    offer = registry.Offer(tuple(here.shelf.models), lambda: here.shelf)
    slot = registry.Slot(offer)
    await eventually(lambda: here.papers["a"].starts == 1)

    await slot.stop()
    here.papers["a"].may_start.set()
    await asyncio.sleep(0)

    assert here.loaded() == ""
