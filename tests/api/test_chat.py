"""`POST /api/chat` and `POST /api/chat/stream`: ask, and get the answer."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from chat import sse
from chat.database import in_database
from chat.models import Generation
from chat.records import load
from tests.core.helpers import fresh
from tests.reading import body, eventually, finished, scripted, shown

pytestmark = pytest.mark.django_db(transaction=True)


async def ask(client, prompt="pace=0 n=5", path="/api/chat/stream", **fields):
    headers = fields.pop("headers", {})
    return await client.post(
        path,
        {"prompt": prompt, **fields},
        content_type="application/json",
        headers=headers,
    )


async def post(client, path, data=None):
    return await client.post(path, data or {}, content_type="application/json")


async def answer(client, prompt="pace=0 n=5", **fields) -> dict:
    """The whole answer, as /api/chat gives it."""
    response = await ask(client, prompt, "/api/chat", **fields)
    assert response.status_code == 200
    return json.loads(await body(response))


async def row_of(response) -> Generation:
    return await in_database(load, UUID(response.headers["X-Generation-Id"]))


class TestWhole:
    async def test_it_gives_the_whole_answer(self, running, alices) -> None:
        said = await answer(alices, "think pace=0 n=20")

        row = await in_database(load, UUID(said["generation"]))
        assert said["response"] == row.message.content == scripted(20)
        assert said["reasoning"] == row.message.reasoning != ""
        assert said["finish_reason"] == "stop"
        assert said["conversation"] == str(row.conversation_id)
        assert said["message"] == str(row.message_id)
        assert said["user_message"] == str(row.message.parent_id)
        assert said["usage"] == {
            "prompt_tokens": 4,
            "completion_tokens": 28,
            "total_tokens": 32,
        }
        assert set(said["timing"]) == {
            "queue_ms",
            "ttft_ms",
            "thinking_ms",
            "total_ms",
            "tokens_per_second",
        }

    async def test_the_conversation_goes_on(self, running, alices) -> None:
        first = await answer(alices)
        second = await answer(
            alices, "prompt pace=0", conversation=first["conversation"]
        )

        assert '"roles": ["user", "assistant", "user"]' in second["response"]

    async def test_parameters_and_system_prompt_reach_the_engine(
        self, running, alices
    ) -> None:
        said = await answer(
            alices,
            "prompt pace=0",
            system_prompt="Be brief.",
            params={"temperature": 0.5, "top_k": 7, "seed": 1},
        )

        for part in (
            '"system": "Be brief."',
            '"temperature": 0.5',
            '"top_k": 7',
            '"seed": 1',
        ):
            assert part in said["response"]

    async def test_no_params_are_the_same_as_none(self, running, alices) -> None:
        assert (await answer(alices, params=None))["response"] == scripted(5)

    async def test_length_and_stop_strings(self, running, alices) -> None:
        cut = await answer(alices, params={"max_tokens": 3})
        assert (cut["response"], cut["finish_reason"]) == (scripted(3), "length")

        stopped = await answer(alices, params={"stop": [" t3"]})
        assert (stopped["response"], stopped["finish_reason"]) == (scripted(3), "stop")

    async def test_any_text_survives(self, running, alices) -> None:
        for word in ("zh", "emoji", "markdown"):
            said = await answer(alices, f"{word} pace=0")
            row = await in_database(load, UUID(said["generation"]))
            assert said["response"] == row.message.content


class TestStream:
    async def test_the_headers_keep_proxies_from_holding_it(
        self, running, alices
    ) -> None:
        response = await ask(alices)

        assert response.status_code == 200
        headers = response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert "no-transform" in headers["Cache-Control"]
        assert headers["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in headers
        assert headers["X-Generation-Id"]
        await body(response)

    async def test_deltas_row_and_whole_answer_are_the_same(
        self, running, alices
    ) -> None:
        for prompt in ("think pace=0 n=20", "zh pace=0", "emoji pace=0", "markdown"):
            prompt += " pace=0"
            response = await ask(alices, prompt)
            page = shown(await body(response))
            row = await row_of(response)
            whole = await answer(alices, prompt)

            assert page.text == row.message.content == whole["response"]
            assert page.reasoning == row.message.reasoning == whole["reasoning"]
            assert page.end.usage == whole["usage"]
            assert page.cursor == row.last_seq

    async def test_it_begins_with_retry_and_start(self, running, alices) -> None:
        response = await ask(alices)
        data = await body(response)

        assert data.startswith(b"retry: 1000\n")
        page = shown(data)
        assert page.names[0] == "start"
        assert page.events[0].generation == response.headers["X-Generation-Id"]

    async def test_something_comes_before_the_first_token(
        self, running, alices
    ) -> None:
        response = await ask(alices, "hang=0")  # no token ever comes
        parts = aiter(response.streaming_content)

        assert await anext(parts)
        assert b"event: start" in await anext(parts)
        await parts.aclose()

    async def test_a_failure_is_an_event(self, running, alices) -> None:
        page = shown(await body(await ask(alices, "pace=0 n=50 fail=5")))

        assert page.text == scripted(5)
        assert page.end.data() == {
            "code": "engine_failed",
            "message": "The script says fail.",
            "retryable": True,
        }

    async def test_closing_it_leaves_the_answer_to_its_end(
        self, running, alices
    ) -> None:
        response = await ask(alices, "pace=0.01 n=20")
        parts = aiter(response.streaming_content)
        await anext(parts)
        await parts.aclose()

        row = await finished(await row_of(response))
        assert row.message.content == scripted(20)

    async def test_heartbeats_are_comments(self, running, alices, settings) -> None:
        settings.CHAT_HEARTBEAT_SECONDS = 0.05
        response = await ask(alices, "pace=0 n=5 hang=2")
        parts = aiter(response.streaming_content)

        async def ping() -> None:
            while await anext(parts) != sse.HEARTBEAT:
                pass

        await asyncio.wait_for(ping(), 3)
        await parts.aclose()


class TestAskingForTheStartAlone:
    """A page that has a socket open watches the answer there."""

    WISH = {"headers": {"Prefer": "respond-async, wait=5"}}

    async def test_it_answers_with_the_start(self, running, alices) -> None:
        response = await ask(alices, "pace=0 n=3", **self.WISH)

        row = await row_of(response)
        assert response.status_code == 202
        assert json.loads(response.content) == {
            "generation": str(row.pk),
            "conversation": str(row.conversation_id),
            "user_message": str(row.message.parent_id),
            "message": str(row.message_id),
            "model": "scripted",
            "attempt": 1,
        }
        assert response.headers["Location"] == f"/api/generations/{row.pk}"
        assert response.headers["Preference-Applied"] == "respond-async"
        assert (await finished(row)).message.content == scripted(3)

    async def test_every_way_to_start_knows_it(self, running, alices) -> None:
        said = await answer(alices)
        for what, fields in (("regenerate", {}), ("edit", {"prompt": "n=1 pace=0"})):
            of = said["message" if what == "regenerate" else "user_message"]
            response = await alices.post(
                f"/api/messages/{of}/{what}",
                fields,
                content_type="application/json",
                **self.WISH,
            )
            assert response.status_code == 202
            assert json.loads(response.content)["generation"]

    async def test_other_wishes_change_nothing(self, running, alices) -> None:
        response = await ask(alices, "n=1 pace=0", headers={"Prefer": "wait=5"})

        assert response.status_code == 200
        assert shown(await body(response)).end


class TestIdempotency:
    async def test_the_same_key_attaches_to_the_same_generation(
        self, running, alices
    ) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await ask(alices, headers=headers)
        page = shown(await body(first))
        second = await ask(alices, headers=headers)
        again = shown(await body(second))

        assert first.headers["X-Generation-Id"] == second.headers["X-Generation-Id"]
        assert (again.text, again.end) == (page.text, page.end)
        assert await Generation.objects.acount() == 1

    async def test_also_at_the_same_time_and_by_either_way(
        self, running, alices
    ) -> None:
        headers = {"Idempotency-Key": "k"}
        responses = await asyncio.gather(
            *[ask(alices, path="/api/chat", headers=headers) for _ in range(3)],
            *[ask(alices, headers=headers) for _ in range(3)],
        )
        bodies = [await body(response) for response in responses]

        assert len({r.headers["X-Generation-Id"] for r in responses}) == 1
        assert {shown(data).text for data in bodies[3:]} == {scripted(5)}
        assert all(b'"response"' in data for data in bodies[:3])
        assert await Generation.objects.acount() == 1

    async def test_bobs_key_is_his_own(self, running, alices, bobs) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await ask(alices, headers=headers)
        second = await ask(bobs, headers=headers)
        await body(first)
        await body(second)

        assert first.headers["X-Generation-Id"] != second.headers["X-Generation-Id"]


class TestSiblings:
    async def test_regenerating_streams_another_answer(self, running, alices) -> None:
        first = await answer(alices)
        response = await post(alices, f"/api/messages/{first['message']}/regenerate")
        page = shown(await body(response))

        assert page.text == scripted(5)
        assert page.events[0].user_message == first["user_message"]
        assert page.events[0].message != first["message"]

    async def test_with_other_parameters(self, running, alices) -> None:
        first = await answer(alices)
        response = await alices.post(
            f"/api/messages/{first['message']}/regenerate",
            {"params": {"max_tokens": 2}},
            content_type="application/json",
        )

        assert shown(await body(response)).text == scripted(2)

    async def test_editing_streams_the_answer_to_another_question(
        self, running, alices
    ) -> None:
        first = await answer(alices)
        response = await alices.post(
            f"/api/messages/{first['user_message']}/edit",
            {"prompt": "pace=0 n=7"},
            content_type="application/json",
        )

        assert shown(await body(response)).text == scripted(7)

    async def test_not_bobs(self, running, alices, bobs) -> None:
        first = await answer(alices)
        for path in (
            f"/api/messages/{first['message']}/regenerate",
            f"/api/messages/{first['user_message']}/edit",
        ):
            body_ = {"prompt": "x"} if "edit" in path else {}
            response = await post(bobs, path, body_)
            assert response.status_code == 404

    async def test_not_while_it_is_written(self, running, alices) -> None:
        response = await ask(alices, "pace=0 n=5 hang=1")
        row = await row_of(response)

        again = await post(alices, f"/api/messages/{row.message_id}/regenerate")

        assert again.status_code == 409
        assert again.json()["error"]["code"] == "generation_running"


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
        response = await ask(alices, "pace=0.01 n=5000")
        pk = response.headers["X-Generation-Id"]
        reading = asyncio.create_task(body(response))
        await eventually(lambda: (running.tape.state(pk) or (0,))[0] > 1_000_005)

        stop = await post(alices, f"/api/generations/{pk}/stop")
        page = shown(await asyncio.wait_for(reading, 20))

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
