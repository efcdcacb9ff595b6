"""Traces: what a collector gets of an answer, and that nothing is there without one."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import pytest
import pytest_asyncio
from django.db import connection
from django.http import HttpRequest, HttpResponse

from chat import generations
from chat.database import in_database
from chat.engines.remote import RemoteEngine
from chat.engines.remote.catalog import catalog
from chat.engines.remote.config import from_url
from chat.models import Generation
from chat.observe import otel, tracing
from chat.running import process
from chat.running import runner as runner_module
from chat.tape import MemoryTape
from tests.collector import Collector, Seen
from tests.core.helpers import ask, crash, expire, runner_of, text_on_the_way
from tests.processes import Program, output
from tests.reading import body, eventually, finished
from tests.serving import SETTINGS
from tests.upstream import Upstream, serve

pytestmark = pytest.mark.django_db(transaction=True)

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{SPAN}-01"
SECRET = "xyzzy"
REDIS = os.environ.get("TEST_REDIS_URL", "")


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    one = Collector()
    with serve(one) as url:
        yield one, url.removesuffix("/v1")


@pytest.fixture
def environment(monkeypatch, collector) -> Collector:
    one, url = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.05)
    return one


@pytest_asyncio.fixture
async def traced(environment: Collector) -> AsyncIterator[Collector]:
    """Without a process around it."""
    tracing.start("test")
    yield environment
    await tracing.stop()


@pytest_asyncio.fixture
async def whole(environment, transactional_db, settings) -> AsyncIterator[Collector]:
    settings.CHAT_CHECKPOINT_SECONDS = 0.02
    await process.start()
    yield environment
    await process.stop()


async def one(collector: Collector, name: str) -> Seen:
    [span] = await eventually(lambda: collector.named(name))
    return span


async def test_an_answer_is_one_trace(whole, alice, alices) -> None:
    prompt = f"{SECRET} n=9 pace=0.05"
    answer = await alices.post(
        "/api/chat/stream",
        json.dumps({"prompt": prompt, "params": {"temperature": 0.5, "seed": 7}}),
        content_type="application/json",
    )
    await body(answer)

    generation = await one(whole, "generation")
    submit, queue = await one(whole, "submit"), await one(whole, "queue")
    chat, finish = await one(whole, "chat scripted"), await one(whole, "finish")
    prepare, [first, *_] = await one(whole, "prepare"), whole.named("checkpoint")
    assert {span.trace for span in (generation, queue, chat, finish)} == {submit.trace}
    assert generation.parent == queue.parent == submit.id
    assert {s.parent for s in (prepare, chat, first, finish)} == {generation.id}
    assert (submit.kind, generation.kind, chat.kind) == (PRODUCER, CONSUMER, CLIENT)
    assert queue.end <= prepare.end <= chat.start < chat.end <= finish.end
    assert finish.end <= generation.end
    assert chat.events == ("first_token",)
    row = await Generation.objects.aget()
    assert chat.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "chatsite",
        "gen_ai.request.model": "scripted",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 7,
        "gen_ai.conversation.id": str(row.conversation_id),
        "gen_ai.response.id": str(row.pk),
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": row.prompt_tokens,
        "gen_ai.usage.output_tokens": 9,
    }
    assert generation.attributes["chatsite.status"] == "done"
    assert (generation.service, generation.failed) == ("chatsite", False)
    assert SECRET.encode() not in whole.raw
    assert b"t1 t2" not in whole.raw


async def test_what_fails_is_told_by_its_code(traced, alice) -> None:
    await in_database(ask, alice, f"{SECRET} pace=0 fail=2")
    async with runner_of():
        chat = await one(traced, "chat scripted")
        generation = await one(traced, "generation")

    for span in (chat, generation):
        assert span.failed
        assert span.attributes["error.type"] == "engine_failed"
    assert b"The script says" not in traced.raw


async def test_a_take_over_is_a_second_span_that_links_to_the_first(
    traced, alice
) -> None:
    row = await in_database(ask, alice, "n=30 pace=0.01 hang=20,")
    tape = MemoryTape()
    async with runner_of("first", tape) as dead:
        await text_on_the_way(tape, row)
        await crash(dead)
    await in_database(expire, row)
    async with runner_of("second", tape):
        await finished(row)

    await eventually(lambda: len(traced.named("generation")) == 2)
    first, second = traced.named("generation")
    assert first.attributes["chatsite.attempt"] == 1
    assert second.attributes["chatsite.attempt"] == 2
    assert (first.links, second.links) == ((), (first.id,))
    assert (first.trace, first.parent) == (second.trace, second.parent)
    assert "chatsite.status" not in first.attributes
    assert second.attributes["chatsite.status"] == "done"
    assert len(traced.named("queue")) == 1
    interrupted = traced.named("chat scripted")[0].attributes
    assert interrupted["chatsite.interrupted"] == "lost"


async def test_checkpoints_are_told_of_up_to_a_bound(
    traced, alice, settings, monkeypatch
) -> None:
    monkeypatch.setattr("chat.observe.otel.CHECKPOINTS", 2)
    settings.CHAT_CHECKPOINT_SECONDS = 60
    row = await in_database(ask, alice, "n=40 hang=0")
    async with runner_of() as runner:
        [job] = await eventually(lambda: list(runner._jobs.values()))
        for _ in range(5):
            job.trace.checkpointed(time.time_ns())
        await in_database(generations.stop, alice, row.pk)
        generation = await one(traced, "generation")

    assert generation.attributes["chatsite.checkpoints"] == 5
    assert len(traced.named("checkpoint")) == 2


async def test_an_engine_behind_http_is_told_the_trace(traced, alice) -> None:
    upstream = Upstream()
    with serve(upstream) as url:
        engine = RemoteEngine(from_url(url, None, "scripted"))
        await engine.start()
        await in_database(ask, alice, "n=2")
        async with runner_of(engine=engine):
            chat = await one(traced, "chat scripted")
        await engine.stop()
        await catalog.stop()

    [told] = [headers["traceparent"] for headers in upstream.headers]
    assert told.startswith(f"00-{chat.trace}-{chat.id}-")


async def test_a_row_of_before_is_a_trace_of_its_own(traced, alice) -> None:
    row = await in_database(ask, alice, "n=1 pace=0")
    await Generation.objects.filter(pk=row.pk).aupdate(trace="")
    async with runner_of():
        generation = await one(traced, "generation")
        chat = await one(traced, "chat scripted")

    assert generation.parent == ""
    assert chat.trace == generation.trace


async def test_a_callers_trace_goes_on_in_two_processes(
    environment, alice, alices, settings, tmp_path
) -> None:
    """Asked here, written there, and sent before each one ends."""
    if not REDIS:
        pytest.fail("TEST_REDIS_URL: run by scripts/with-services, as make test does")
    settings.CHAT_ROLE, settings.REDIS_URL = "web", REDIS
    file = connection.settings_dict["NAME"]
    shared = {"DATABASE_URL": f"sqlite:///{file}", "REDIS_URL": REDIS}
    env = {**os.environ, **SETTINGS, **shared, "CHAT_ROLE": "runner"}
    log = tmp_path / "runner.log"
    runner = Program("manage.py", "rungenerations", env=env, log=log)
    here = await process.start()
    try:
        answer = await alices.post(
            "/v1/chat/completions",
            json.dumps(
                {"model": "scripted", "messages": [{"role": "user", "content": "n=3"}]}
            ),
            content_type="application/json",
            headers={"traceparent": CALLER},
        )
        said = json.loads(await body(answer))
        assert said["choices"][0]["message"]["content"] == "t0 t1 t2"
    finally:
        runner.terminate()
        assert await asyncio.to_thread(runner.wait, 60) == 0, log.read_text()
        await process.stop()

    [submit] = environment.named("submit")
    [generation] = environment.named("generation")
    [chat] = environment.named("chat scripted")
    assert generation.parent == submit.id
    assert submit.trace == generation.trace == chat.trace
    assert submit.process == here.name
    assert chat.process == generation.process != here.name


def test_a_request_goes_on_a_callers_trace(environment, rf) -> None:
    tracer = otel.Tracer("test")
    request = rf.get("/c/1/", headers={"traceparent": CALLER})
    submitted: list[str] = []

    def respond(asked: HttpRequest) -> HttpResponse:
        asked.resolver_match = SimpleNamespace(route="c/<id>/")  # type: ignore[assignment]
        with tracer.submitting():
            submitted.append(tracer.carried())
        return HttpResponse(status=503)

    tracer.responded(request, respond)
    tracer.responded(rf.get("/healthz"), lambda _: HttpResponse())
    tracer.stop(10)

    submit, seen = environment.spans
    assert (seen.name, seen.kind, seen.failed) == ("GET /c/<id>/", SERVER, True)
    assert (seen.trace, seen.parent) == (TRACE, SPAN)
    assert (submit.trace, submit.parent) == (TRACE, seen.id)
    assert submitted[0].startswith(f"00-{TRACE}-{submit.id}-")
    assert seen.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/c/<id>/",
        "http.response.status_code": 503,
    }


def test_a_dead_collector_harms_nothing(tmp_path) -> None:
    code = (
        "import asyncio, time, django; django.setup()\n"
        "from chat.observe import tracing\n"
        "tracing.start('test')\n"
        "for _ in range(5000): tracing.here.tracer.span('x').end()\n"
        "with tracing.submitting(): assert len(tracing.carried()) == 55\n"
        "asyncio.run(tracing.stop())\n"
        "print('ended')\n"
    )
    env = {
        **SETTINGS,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'x'}",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    assert output("-c", code, env=env).splitlines()[-1] == "ended"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_when_traces_are_on(environ: dict[str, str], wanted: bool) -> None:
    assert tracing.are_wanted(environ) is wanted


def test_nothing_of_it_is_imported_when_they_are_off(tmp_path) -> None:
    code = (
        "import asyncio, sys\n"
        "import chatsite.asgi\n"
        "from chat.observe import tracing\n"
        "tracing.start('test')\n"
        "with tracing.submitting(): assert tracing.carried() == ''\n"
        "asyncio.run(tracing.stop())\n"
        # The Redis client imports the API and what it can of the metrics by itself.
        "ours = ('chat.observe.otel', 'opentelemetry.sdk.trace',"
        " 'opentelemetry.exporter', 'opentelemetry.proto', 'google.protobuf')\n"
        "print([name for name in sys.modules if name.startswith(ours)])\n"
    )
    env = {**SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'x'}"}
    assert output("-c", code, env=env).splitlines()[-1] == "[]"
