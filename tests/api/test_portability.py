"""`/api/export`, `/api/conversations/ID/export` and `/api/import`."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections

from chat import exporting, importing
from chat.api import portability
from chat.api.portability import filename
from chat.database import in_database
from chat.models import Conversation
from chatsite.handler import OneHopHandler
from tests.api.helpers import NOWHERE, answered, error_of
from tests.core.test_importing import NODE, sample
from tests.reading import body, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def conversation(alice) -> Conversation:
    row = answered(alice, "The answer", prompt="The question").conversation
    Conversation.objects.update(title="水的沸点 / <b>")
    return row


async def bring(client, data, **headers):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    response = await client.post(
        "/api/import", raw, content_type="application/json", headers=headers
    )
    if hasattr(response, "resolve"):
        response = await response.resolve()
        response.json = lambda: json.loads(response.content)
    return response


class TestExport:
    async def test_everything_as_a_file(self, conversation, alices) -> None:
        response = await alices.get("/api/export")

        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response["Content-Disposition"].startswith(
            'attachment; filename="chatsite-20'
        )
        document = json.loads(await body(response))
        assert document["conversations"][0]["id"] == str(conversation.pk)

    async def test_one_as_json(self, conversation, alices, bob) -> None:
        response = await alices.get(f"/api/conversations/{conversation.pk}/export")

        [told] = json.loads(await body(response))["conversations"]
        assert [m["content"] for m in told["messages"]] == [
            "The question",
            "The answer",
        ]

    async def test_one_as_markdown(self, conversation, alices) -> None:
        path = f"/api/conversations/{conversation.pk}/export?format=markdown"
        response = await alices.get(path, headers={"Accept-Language": "zh-CN"})

        assert response["Content-Type"] == "text/markdown; charset=utf-8"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "%E6%B0%B4%E7%9A%84" in response["Content-Disposition"]
        assert "<" not in response["Content-Disposition"]
        assert "## 你" in (await body(response)).decode()

    async def test_bobs_is_not_found(self, conversation, bobs) -> None:
        for pk in (conversation.pk, NOWHERE):
            response = await bobs.get(f"/api/conversations/{pk}/export")
            error_of(response, 404)

    async def test_there_are_two_formats(self, conversation, alices) -> None:
        path = f"/api/conversations/{conversation.pk}/export?format=pdf"

        assert error_of(await alices.get(path), 400)["field"] == "format"

    async def test_a_few_at_a_time(self, alices, bobs) -> None:
        begun = [await alices.get("/api/export") for _ in range(portability.AT_ONCE)]

        response = await alices.get("/api/export")
        assert error_of(response, 409)["code"] == "already_running"
        assert (await bobs.get("/api/export")).status_code == 200

        del begun, response
        gc.collect()
        assert (await alices.get("/api/export")).status_code == 200

    async def test_a_reader_that_leaves_ends_it(self, alices, monkeypatch) -> None:
        ended = []

        def endless(user):
            try:
                while True:
                    yield b"x"
            finally:
                ended.append(user)

        monkeypatch.setattr(exporting, "whole_as_json", endless)
        response = await alices.get("/api/export")
        parts = aiter(response)
        assert await anext(parts) == b"x"

        await parts.aclose()
        del response, parts
        gc.collect()

        assert ended

    async def test_the_database_going_away_breaks_it_off(
        self, alices, monkeypatch
    ) -> None:
        """Never a file that looks complete."""

        def broken(user):
            yield b"{"
            raise OperationalError("away")

        monkeypatch.setattr(exporting, "whole_as_json", broken)
        response = await alices.get("/api/export")

        with pytest.raises(OperationalError):
            await body(response)


class TestImport:
    async def test_it_tells_what_became_of_it(self, alices) -> None:
        response = await bring(alices, sample("chatgpt.json"))

        assert response.status_code == 200
        assert json.loads(response.content) == {
            "imported": 1,
            "unchanged": 0,
            "messages": 7,
            "skipped": 2,
            "problems": [],
        }
        again = json.loads((await bring(alices, sample("chatgpt.json"))).content)
        assert (again["imported"], again["unchanged"]) == (0, 1)

    async def test_problems_are_told_in_the_callers_language(self, alices) -> None:
        response = await bring(alices, [NODE, 5], **{"Accept-Language": "zh-CN"})

        [problem] = json.loads(response.content)["problems"]
        assert problem["field"] == "conversations[1]"
        assert "对话" in problem["message"]

    async def test_what_it_cannot_take_is_refused(self, alices) -> None:
        response = await bring(alices, [5], **{"Accept-Language": "zh-CN"})

        error = error_of(response, 400)
        assert (error["code"], error["field"]) == ("invalid_import", "conversations[0]")
        assert "对话" in error["message"]

    async def test_a_file_may_be_too_large(self, alices, settings) -> None:
        settings.CHAT_MAX_IMPORT_MB = 1

        response = await bring(alices, b" " * 1_100_000)

        assert error_of(response, 413)["code"] == "too_large"

    async def test_it_takes_json_only(self, alices) -> None:
        response = await alices.post("/api/import", b"x", content_type="text/plain")

        error_of(response, 415)

    async def test_it_may_be_larger_than_other_bodies(self, alices, settings) -> None:
        padded = json.dumps([NODE]).encode() + b" " * 1_100_000

        assert (await bring(alices, padded)).status_code == 200

    async def test_the_database_going_away_is_told(self, alices, monkeypatch) -> None:
        def broken(user, stream):
            yield importing.Report()
            raise OperationalError("away")

        monkeypatch.setattr(importing, "run", broken)

        error = error_of(await bring(alices, []), 503)
        assert error["code"] == "unavailable"

    async def test_a_caller_that_leaves_stops_it_between_two_conversations(
        self, alices, monkeypatch
    ) -> None:
        steps = []

        def slow(user, stream):
            while True:
                steps.append("begun")
                stream.read(1)
                steps.append("done")
                yield importing.Report()

        monkeypatch.setattr(importing, "run", slow)
        waiting = await alices.post("/api/import", b"x" * 99, "application/json")
        task = asyncio.ensure_future(waiting.resolve())
        assert await eventually(lambda: len(steps) > 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        count = len(steps)
        assert steps[-1] == "done"
        await in_database(lambda: None)
        assert len(steps) == count

    async def test_both_take_turns(self, conversation, alices, monkeypatch) -> None:
        """A long import keeps no export waiting for its end."""
        exported = []

        def long(user, stream):
            while not exported:
                yield importing.Report()

        monkeypatch.setattr(importing, "run", long)
        waiting = await alices.post("/api/import", b"x", "application/json")
        task = asyncio.ensure_future(waiting.resolve())
        exported.append(await body(await alices.get("/api/export")))

        assert (await task).status_code == 200


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("", "conversation"),
        ("../../etc/passwd", "etc-passwd"),
        ('a"b\r\nX: y', "a-b-X-y"),
        ("水 的", "水-的"),
        ("x" * 99, "x" * 60),
    ],
)
def test_a_name_is_safe(title, name) -> None:
    assert filename(title) == name


async def test_nobody_fills_the_disk(alice, key_of, monkeypatch) -> None:
    """Before it is clear who calls, no large body is kept."""
    monkeypatch.setattr("chatsite.handler.THREADS", 1)
    handler = OneHopHandler()
    scope = {"type": "http", "path": "/api/import", "headers": []}

    assert await handler._limit(scope) == 1_048_576
    scope["headers"] = [(b"authorization", b"Bearer cs-wrong")]
    assert await handler._limit(scope) == 1_048_576
    key = await sync_to_async(key_of)(alice)
    scope["headers"] = [(b"authorization", f"Bearer {key}".encode())]
    assert await handler._limit(scope) == 100 * 1_048_576
    # Its thread keeps a connection, which the end of the tests would wait for.
    handler._pool.submit(connections.close_all).result(10)
