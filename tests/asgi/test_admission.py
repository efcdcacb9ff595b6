"""A process with enough to do refuses more, before it reads or stores anything."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import signals
from django.http import HttpRequest, HttpResponse
from prometheus_client import REGISTRY

from chatsite import admission as module
from chatsite.admission import FACTOR, Admission
from chatsite.handler import OneHopHandler

MOST = 3
QUESTIONS = {
    "native": "/api/chat/stream",
    "openai": "/v1/chat/completions",
    "dashscope": "/api/v1/services/aigc/text-generation/generation",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Process:
    """A handler whose threads are all busy until they are let go."""

    def __init__(self) -> None:
        self.handler = OneHopHandler()
        self.free = asyncio.Event()
        self.seen: list[str] = []
        self.handler._responded = self._responded

    async def _responded(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(request.path)
        await self.free.wait()
        response = HttpResponse("done")
        response._resource_closers.append(request.close)
        return response

    async def call(self, path: str, method: str = "POST", **headers: str) -> Answer:
        raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost"), *raw],
        }
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asked = iter([{"type": "http.request", "body": b"{}"}])

        async def receive() -> dict[str, Any]:
            if (message := next(asked, None)) is not None:
                return message
            return await asyncio.Future()  # it stays connected

        await self.handler(scope, receive, send)
        start, *rest = sent
        told = {name.decode().lower(): v.decode() for name, v in start["headers"]}
        body = b"".join(message["body"] for message in rest)
        return Answer(start["status"], told, body)

    @contextlib.asynccontextmanager
    async def busy(self, count: int) -> AsyncIterator[None]:
        """While so many are inside."""
        calls = [asyncio.create_task(self.call("/c/", "GET")) for _ in range(count)]
        async with asyncio.timeout(60):
            while len(self.seen) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        yield
        self.free.set()
        answers = await asyncio.gather(*calls)
        assert {answer.status for answer in answers} == {200}


@pytest.fixture
def here(settings, monkeypatch) -> Process:
    settings.CHAT_MAX_REQUESTS = MOST
    # As served (`keep_connections`): nobody listens to them.
    monkeypatch.setattr(signals.request_started, "receivers", [])
    monkeypatch.setattr(signals.request_finished, "receivers", [])
    # Nor does anything here wait for the one thread that all tests of a process share.
    monkeypatch.setattr("django.core.handlers.asgi.sync_to_async", at_once)
    monkeypatch.setattr("chatsite.handler.admission", Admission())
    return Process()


def at_once(work: Callable[[], Any], thread_sensitive: bool = True) -> Any:
    async def done() -> Any:
        return work()

    return done


def refusals() -> float:
    return REGISTRY.get_sample_value("chatsite_requests_refused_total") or 0


@pytest.mark.parametrize("dialect", QUESTIONS)
async def test_a_question_too_many_is_refused_unread(here: Process, dialect) -> None:
    before = refusals()
    async with here.busy(MOST):
        answer = await here.call(QUESTIONS[dialect], accept_language="zh-hans")

    assert answer.status == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 4
    assert answer.headers["x-request-id"]
    assert QUESTIONS[dialect] not in here.seen
    assert refusals() == before + 1
    said = answer.json if dialect == "dashscope" else answer.json["error"]
    assert "未保存" in said["message"]
    code = "ServiceUnavailable" if dialect == "dashscope" else "overloaded"
    assert said["code"] == code


async def test_the_sdk_is_told_to_the_millisecond(here: Process) -> None:
    async with here.busy(MOST):
        answer = await here.call(QUESTIONS["openai"])

    assert 1000 <= int(answer.headers["retry-after-ms"]) <= 4000
    assert answer.json["error"]["type"] == "server_error"


async def test_a_page_is_told_in_plain_words(here: Process) -> None:
    async with here.busy(MOST):
        answer = await here.call("/accounts/login/")

    assert answer.status == 503
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"try again" in answer.body


async def test_a_page_of_another_site_can_read_it(here: Process, settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    async with here.busy(MOST):
        answer = await here.call(QUESTIONS["native"], origin="https://app.example")

    assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/generations/1/stream"),
        ("POST", "/api/generations/1/stop"),
        ("POST", "/v1/responses/1/cancel"),
    ],
)
async def test_who_reads_or_stops_comes_in_beyond_that(
    here: Process, method: str, path: str
) -> None:
    async with here.busy(MOST):
        here.free.set()
        answer = await here.call(path, method)

    assert answer.status == 200


async def test_readers_are_bounded_too_and_probes_are_not(here: Process) -> None:
    async with here.busy(FACTOR * MOST):
        reader = await here.call("/api/generations/1/stream", "GET")
        here.free.set()
        probes = [await here.call(path, "GET") for path in module.ALWAYS]

    assert reader.status == 503
    assert {probe.status for probe in probes} == {200}


async def test_there_is_room_again_when_they_are_done(here: Process) -> None:
    async with here.busy(MOST):
        assert (await here.call(QUESTIONS["native"])).status == 503

    assert (await here.call(QUESTIONS["native"])).status == 200


def test_one_that_fails_leaves_its_place() -> None:
    here = Admission()
    with pytest.raises(RuntimeError), here.counted():
        raise RuntimeError

    assert here.inside == 0
