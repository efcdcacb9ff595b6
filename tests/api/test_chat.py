"""`POST /api/chat` and `POST /api/chat/stream`: ask, and get the answer."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from chat import sse
from chat.database import in_database
from chat.records import load
from tests.api.chatting import answer, ask, row_of
from tests.reading import PATIENCE, body, finished, scripted, shown

pytestmark = pytest.mark.django_db(transaction=True)


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

        await asyncio.wait_for(ping(), PATIENCE)
        await parts.aclose()
