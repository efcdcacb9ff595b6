"""Several addresses, DashScope's own protocol, and the whole way through the runner."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
import pytest_asyncio

from chat.asking import Ask
from chat.engines.base import EngineError, EngineLost
from chat.engines.registry import find_model
from chat.engines.remote.config import RemoteModel, from_url
from chat.engines.remote.config import Upstream as Where
from chat.events import Snapshot
from chat.generations import start, stop
from chat.running import process
from tests.engines.helpers import collect
from tests.engines.remote import ask, started
from tests.reading import eventually, finished, watch
from tests.upstream import Upstream, serve


@pytest.fixture
def two():
    """Two engines that serve the same, and both their addresses."""
    with ExitStack() as stack:
        engines = [Upstream(), Upstream()]
        urls = [stack.enter_context(serve(engine)) for engine in engines]
        yield engines, urls


async def test_requests_go_to_the_least_busy(two):
    engines, urls = two
    async with started(from_url(",".join(urls), None, "bench")) as engine:
        await asyncio.gather(*(collect(engine, ask("n=5 pace=0.05")) for _ in range(8)))

    assert [len(upstream.requests) for upstream in engines] == [4, 4]


async def test_the_other_one_answers_when_one_is_down(two):
    engines, urls = two
    where = from_url(f"http://127.0.0.1:9/v1,{urls[0]}", None, "bench")
    async with started(where) as engine:
        answers = [await collect(engine, ask("n=2")) for _ in range(3)]

    assert [answer.text for answer in answers] == ["t0 t1"] * 3
    assert len(engines[0].requests) == 3


async def test_an_engine_that_refuses_for_now_is_passed_over(two):
    engines, urls = two
    async with started(from_url(",".join(urls), None, "bench")) as engine:
        answer = await collect(engine, ask("refuse=503 times=1 n=2"))

    # Each refuses once.
    assert answer.text == "t0 t1"
    assert sum(len(upstream.requests) for upstream in engines) == 3


def native(url: str, *, incremental: bool) -> Where:
    extra = {} if incremental else {"incremental_output": False}
    return Where.model_validate(
        {
            "name": "cloud",
            "base_urls": (url,),
            "protocol": "dashscope",
            "continue": "partial",
            "models": (RemoteModel(id="bench", extra=extra),),
        }
    )


@pytest.fixture(params=[True, False], ids=["incremental", "cumulative"])
def cloud(request, two):
    engines, urls = two
    return engines[0], native(urls[0], incremental=request.param)


async def test_dashscope_upstream(cloud):
    upstream, where = cloud
    async with started(where) as engine:
        answer = await collect(engine, ask("n=5", max_tokens=9, top_k=2))

    assert answer.text == "t0 t1 t2 t3 t4"
    assert (answer.finished.prompt_tokens, answer.tokens) == (7, 5)
    parameters = upstream.requests[0]["parameters"]
    assert (parameters["max_tokens"], parameters["top_k"]) == (9, 2)
    assert upstream.headers[0]["x-dashscope-sse"] == "enable"


async def test_dashscope_upstream_in_chinese(cloud):
    async with started(cloud[1]) as engine:
        answer = await collect(engine, ask("zh"))

    assert "🙂👩‍👩‍👧" in answer.text


@pytest.mark.parametrize(
    ("script", "kind"), [("fail=2 n=5", EngineError), ("cut=2 n=5", EngineLost)]
)
async def test_dashscope_upstream_fails(cloud, script, kind):
    async with started(cloud[1]) as engine:
        with pytest.raises(kind):
            await collect(engine, ask(script))


# Through the runner.


@pytest.fixture
def behind(settings):
    """A site whose only engine is a scripted one behind HTTP."""
    upstream = Upstream()
    with serve(upstream) as url:
        settings.CHAT_MODEL = "bench"
        settings.CHAT_BASE_URL = url
        settings.CHAT_MODELS_SECONDS = 0.1
        yield upstream


@pytest_asyncio.fixture
async def site(behind, transactional_db):
    here = await process.start()
    yield here
    await process.stop()


async def begin(user, prompt: str):
    return await asyncio.to_thread(start, user, Ask("bench", {}), prompt)


async def test_a_connection_that_breaks_is_continued(alice, behind, site):
    page = await watch(site.tape, await begin(alice, "n=20 cut=7 pace=0.005"))

    assert page.text == " ".join(f"t{index}" for index in range(20))
    assert page.end.finish_reason == "stop"
    assert page.end.usage["completion_tokens"] == 20
    assert page.end.usage["prompt_tokens"] == 7
    first, second = behind.requests[:2]  # behind them, a title may be asked for
    assert second["messages"][-1]["content"].endswith("t6")
    assert second["continue_final_message"] is True
    assert len(first["messages"]) == 1


async def test_stopping_reaches_the_engine(alice, behind, site):
    row = await begin(alice, "n=500 hang=5")
    await eventually(lambda: behind.open == 1)
    nothing = (0, Snapshot())
    await eventually(lambda: "t2" in (site.tape.state(str(row.pk)) or nothing)[1].text)
    await asyncio.to_thread(stop, alice, row.pk)
    await eventually(lambda: behind.open == 0)

    row = await finished(row)
    assert row.status == "stopped"
    assert row.message.content


async def test_readiness_tells_of_an_engine_that_is_away(alice, behind, site):
    await eventually(lambda: site.engines.problem is None)
    behind.lists_fail = True
    await eventually(lambda: "status 500" in (site.engines.problem or ""))
    behind.lists_fail = False
    await eventually(lambda: site.engines.problem is None)


async def test_a_model_listed_later_is_served(alice, behind, site):
    behind.models = ("bench", "new")
    await eventually(lambda: find_model("new"))
    row = await asyncio.to_thread(start, alice, Ask("new", {}), "n=2")
    page = await watch(site.tape, row)

    assert page.text == "t0 t1"
    assert behind.requests[0]["model"] == "new"
