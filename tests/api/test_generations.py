"""`/api/generations/ID`: shown, followed from any place, stopped."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from chat import sse
from chat.database import in_database
from chat.records import load
from tests.api.chatting import answer, ask, post, row_of
from tests.core.helpers import fresh
from tests.reading import PATIENCE, body, eventually, scripted, shown

pytestmark = pytest.mark.django_db(transaction=True)


class TestResume:
    """`GET /api/generations/ID/stream`."""

    def path(self, said: dict) -> str:
        return f"/api/generations/{said['generation']}/stream"

    async def test_from_every_cursor_it_gives_the_same_bytes(
        self, running, alices
    ) -> None:
        said = await answer(alices, "think pace=0 n=10")
        row = await in_database(load, UUID(said["generation"]))
        whole = running.tape.read(str(row.pk), 0)

        for place, (seq, _) in enumerate(whole[:-1], start=1):
            for query, headers in (
                ({"after": seq}, {}),
                ({}, {"Last-Event-ID": str(seq)}),
                ({"after": 0}, {"Last-Event-ID": str(seq)}),
            ):
                response = await alices.get(self.path(said), query, headers=headers)
                data = await body(response)
                assert data.endswith(sse.encode_all(whole[place:]))
                assert len(shown(data).events) <= len(whole) - place

    async def test_without_a_cursor_it_gives_everything(self, running, alices) -> None:
        said = await answer(alices)
        page = shown(await body(await alices.get(self.path(said))))

        assert (page.names[0], page.text) == ("start", scripted(5))

    async def test_at_the_end_there_is_no_content(self, running, alices) -> None:
        said = await answer(alices)
        row = await in_database(load, UUID(said["generation"]))

        for after in (row.last_seq, row.last_seq + 1, 10**17):
            response = await alices.get(self.path(said), {"after": after})
            assert response.status_code == 204

    @pytest.mark.parametrize("cursor", ["-1", "1.5", "bogus", "٣", "9" * 19, " 1"])
    async def test_it_refuses_what_is_no_cursor(self, running, alices, cursor) -> None:
        said = await answer(alices)

        response = await alices.get(self.path(said), {"after": cursor})

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_cursor"
        assert response.json()["error"]["field"] == "after"

    async def test_not_bobs(self, running, alices, bobs) -> None:
        said = await answer(alices)

        assert (await bobs.get(self.path(said))).status_code == 404


class TestGeneration:
    """`GET /api/generations/ID` and its stop."""

    async def test_it_is_shown(self, running, alices) -> None:
        said = await answer(alices)

        shown_ = (await alices.get(f"/api/generations/{said['generation']}")).json()

        assert shown_["status"] == "done"
        assert shown_["text"] == said["response"]
        assert shown_["usage"] == said["usage"]
        assert (shown_["attempt"], shown_["error"]) == (1, None)

    async def test_a_failed_one_tells_why(self, running, alices) -> None:
        response = await ask(alices, "pace=0 n=9 fail=2")
        await body(response)
        pk = response.headers["X-Generation-Id"]

        shown_ = (await alices.get(f"/api/generations/{pk}")).json()

        assert shown_["status"] == "failed"
        assert shown_["text"] == scripted(2)
        assert shown_["error"]["code"] == "engine_failed"

    async def test_stopping_ends_the_stream_and_keeps_the_text(
        self, running, alices
    ) -> None:
        response = await ask(alices, "pace=0.01 hang=20")
        pk = response.headers["X-Generation-Id"]
        reading = asyncio.create_task(body(response))
        await eventually(lambda: (running.tape.state(pk) or (0,))[0] > 1_000_005)

        stop = await post(alices, f"/api/generations/{pk}/stop")
        page = shown(await asyncio.wait_for(reading, PATIENCE))

        assert stop.status_code == 200
        assert page.end.finish_reason == "stopped"
        row = await in_database(load, UUID(pk))
        assert page.text == row.message.content == scripted(row.completion_tokens)

    async def test_stopping_is_idempotent(self, running, alices) -> None:
        said = await answer(alices)
        for _ in range(2):
            stop = await post(alices, f"/api/generations/{said['generation']}/stop")
            assert (stop.status_code, stop.json()["status"]) == (200, "done")

    async def test_not_bobs(self, running, alices, bobs) -> None:
        response = await ask(alices, "pace=0 n=5 hang=2")
        row = await row_of(response)

        stop = await post(bobs, f"/api/generations/{row.pk}/stop")
        assert stop.status_code == 404
        assert (await bobs.get(f"/api/generations/{row.pk}")).status_code == 404
        assert not (await in_database(fresh, row)).stop_requested
