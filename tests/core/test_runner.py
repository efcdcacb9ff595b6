"""The runner: whatever happens, the text is there once, and the end is true."""

from __future__ import annotations

import pytest

from chat.database import in_database
from chat.engines.base import Chunk, Engine, Finished, ModelInfo
from chat.engines.scripted import ScriptedEngine
from chat.events import Done, Failed
from chat.models import Generation
from chat.tape import MemoryTape
from tests.core.helpers import ask, fresh, runner_of
from tests.reading import eventually, finished, scripted, watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick"),
]


class TestEnds:
    async def test_done(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=5")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.finish_reason) == ("done", "stop")
        assert (row.message.content, row.message.status) == (scripted(5), "done")
        assert (row.prompt_tokens, row.completion_tokens) == (3, 5)
        assert (row.text, row.token_ids, row.owner != "") == ("", "", True)

    async def test_length(self, alice) -> None:
        generation = await in_database(
            ask, alice, "pace=0 n=50", params={"max_tokens": 7}
        )
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.finish_reason) == ("done", "length")
        assert row.message.content == scripted(7)

    async def test_an_empty_answer(self, alice) -> None:
        generation = await in_database(ask, alice, "n=0")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.message.content) == ("done", "")
        assert row.first_token is None

    async def test_an_engine_that_fails_in_the_middle(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=50 fail=5")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            row = await finished(generation)
            page = await watch(tape, row)

        assert (row.status, row.error_code) == ("failed", "engine_failed")
        assert row.error_retryable
        assert row.message.content == page.text == scripted(5)
        assert isinstance(page.end, Failed)

    async def test_too_long(self, alice, settings) -> None:
        settings.CHAT_MAX_GENERATION_SECONDS = 0.1
        generation = await in_database(ask, alice, "pace=0 n=50 hang=4")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "generation_timeout")
        assert row.message.content == scripted(4)

    async def test_a_model_that_is_gone(self, alice) -> None:
        generation = await in_database(ask, alice)
        await Generation.objects.aupdate(model="gone")
        async with runner_of():
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "model_not_found")

    async def test_a_bug_in_an_engine(self, alice, caplog) -> None:
        class Buggy(Engine):
            models = [ModelInfo("scripted", "Buggy")]

            async def stream(self, request):
                yield Chunk("half", tokens=1)
                raise ZeroDivisionError

        generation = await in_database(ask, alice)
        async with runner_of(engine=Buggy()):
            row = await finished(generation)

        assert (row.status, row.error_code) == ("failed", "internal_error")
        assert row.message.content == "half"
        assert "ZeroDivisionError" in caplog.text

    async def test_an_engine_that_ends_without_a_reason(self, alice) -> None:
        class Mute(Engine):
            models = [ModelInfo("scripted", "Mute")]

            async def stream(self, request):
                yield Chunk("half", tokens=1)

        generation = await in_database(ask, alice)
        async with runner_of(engine=Mute()):
            row = await finished(generation)

        assert (row.status, row.message.content) == ("failed", "half")

    async def test_text_no_database_takes(self, alice) -> None:
        class Odd(Engine):
            models = [ModelInfo("scripted", "Odd")]

            async def stream(self, request):
                yield Chunk("a\0b\ud800", tokens=1)
                await eventually(lambda: in_database(lambda: fresh(generation).text))
                yield Finished("stop")

        generation = await in_database(ask, alice)
        tape = MemoryTape()
        async with runner_of(tape=tape, engine=Odd()):
            row = await finished(generation)
            page = await watch(tape, row)

        assert row.message.content == page.text == "ab?"

    async def test_the_row_is_ended_before_its_readers_hear_of_it(self, alice) -> None:
        generation = await in_database(ask, alice, "pace=0 n=5")
        tape = MemoryTape()
        async with runner_of(tape=tape):
            page = await watch(tape, generation)
            row = await in_database(fresh, generation)

        assert isinstance(page.end, Done)
        assert (row.status, page.cursor) == ("done", row.last_seq)

    async def test_many_at_once(self, alice) -> None:
        rows = [await in_database(ask, alice, f"pace=0.001 n={n}") for n in range(30)]
        async with runner_of():
            for n, generation in enumerate(rows):
                row = await finished(generation)
                assert row.message.content == scripted(n)

    async def test_never_more_than_allowed(self, alice, settings) -> None:
        settings.CHAT_MAX_RUNNING = 2
        at_work = [0]

        class Counting(ScriptedEngine):
            async def stream(self, request):
                at_work.append(at_work[-1] + 1)
                try:
                    async for said in super().stream(request):
                        yield said
                finally:
                    at_work.append(at_work[-1] - 1)

        rows = [await in_database(ask, alice, "pace=0.005 n=10") for _ in range(6)]
        async with runner_of(engine=Counting()):
            for generation in rows:
                assert (await finished(generation)).status == "done"

        assert max(at_work) == 2
