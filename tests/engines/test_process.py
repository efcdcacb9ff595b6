"""An engine in a process of its own: asked, and refused."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from chat.engines.base import EngineError, EngineLost, ModelState

from .helpers import ask, collect, collect_failing, collect_some, eventually
from .hosted import hosted, planned, process_of, running

ROOT = Path(__file__).resolve().parents[2]


class TestServing:
    async def test_it_says_what_the_engine_says(self) -> None:
        async with running() as engine:
            answer = await collect(engine, ask("n=300"))
            assert (answer.tokens, answer.finished.finish_reason) == (300, "stop")
            assert answer.text.split() == [f"t{number}" for number in range(300)]
            with_tools = await collect(engine, ask("zh think", id="other"))
            assert with_tools.reasoning
            assert "你" in with_tools.text

    async def test_many_at_once_each_get_their_own(self) -> None:
        async with running() as engine:
            asked = [ask(f"n={n} pace=0.001", id=str(n)) for n in range(1, 40)]
            said = await asyncio.gather(*(collect(engine, one) for one in asked))
        assert [answer.tokens for answer in said] == list(range(1, 40))

    async def test_it_tells_how_far_it_is(self, caplog: Any) -> None:
        engine = hosted()
        seen: list[ModelState] = []
        engine.on_state = seen.append
        assert engine.problem == "not started"
        assert await engine.measure() == 12345
        assert engine.states()["hosted"].name == "downloading"
        await engine.start()
        [state] = engine.states().values()
        assert (state.name, engine.problem) == ("ready", None)
        assert state.seconds is not None
        assert state.seconds > 0  # since the process was begun, not since it listened
        assert engine.models[0].context_tokens == 77
        assert ModelState("downloading", "fetching", bytes=3, total_bytes=7) in seen
        text = f"started in process {process_of(engine).pid}"
        await eventually(lambda: text in caplog.messages)
        [line] = [one for one in caplog.records if one.message == text]
        assert (line.name, line.levelno) == ("chat.engines.hosted", logging.WARNING)
        await engine.stop()
        assert engine.states()["hosted"] == ModelState("waiting", "stopped")

    async def test_guesses_are_counted_where_they_are_asked_for(self) -> None:
        labels = {"model": "hosted", "source": "lookup", "outcome": "accepted"}
        name = "chatsite_draft_tokens_total"
        before = REGISTRY.get_sample_value(name, labels) or 0
        async with running() as engine:
            await collect(engine, ask("guess n=20"))
            counted = before + 3
            await eventually(lambda: REGISTRY.get_sample_value(name, labels) == counted)

    async def test_what_is_dropped_is_free_when_that_is_said(self) -> None:
        async with running() as engine:
            some = await collect_some(engine, ask("n=1000 pace=0.001"), 5)
            assert 5 <= some.tokens < 1000
            counted = await collect(engine, ask("count", id="request"))
            assert counted.prompted.prompt_tokens == 1

    async def test_one_that_is_dropped_at_once_too(self) -> None:
        async with running() as engine:
            tasks = [
                asyncio.create_task(collect(engine, ask("hang=0", id=str(number))))
                for number in range(20)
            ]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            counted = await collect(engine, ask("count"))
            assert counted.prompted.prompt_tokens == 1

    async def test_an_id_is_answered_once_at_a_time(self) -> None:
        async with running() as engine:
            first = engine.stream(ask("hang=1"))
            await anext(first)
            _said, error = await collect_failing(engine, ask())
            assert error.code == "duplicate_request"
            await first.aclose()
            assert (await collect(engine, ask("n=2"))).tokens == 2

    async def test_nothing_queues_up_for_who_does_not_read(self) -> None:
        async with running() as engine:
            assert engine._child is not None
            pipe = engine._child._pipe
            assert pipe._transport is not None
            slow = engine.stream(ask("n=20000"))
            await anext(slow)
            pipe._transport.pause_reading()
            process = process_of(engine)
            await eventually(lambda: process.status() == "sleeping")
            held = process.memory_info().rss
            await asyncio.sleep(0.2)
            assert process.memory_info().rss < held + 2**20
            pipe._transport.resume_reading()
            said = [event async for event in slow]
        assert sum(getattr(event, "tokens", 0) for event in said) == 20_000

    async def test_the_one_who_asks_imports_no_torch(self) -> None:
        script = (
            "import django; django.setup()\n"
            "from chat.engines import registry\n"
            "engine = registry.engine_of(registry.own_model('demo'))\n"
            "import sys; assert 'torch' not in sys.modules, 'torch is there'"
        )
        environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "chatsite.settings"}
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environ, check=True
        )


class TestErrors:
    async def test_they_are_the_engines_own(self) -> None:
        async with running() as engine:
            said, error = await collect_failing(engine, ask("n=9 fail=4"))
            assert (said.tokens, error.code, error.retryable) == (
                4,
                "engine_failed",
                True,
            )
            assert not isinstance(error, EngineLost)
            assert "script" in error.message

    async def test_what_nobody_thought_of_ends_one_answer(self) -> None:
        async with running() as engine:
            with pytest.raises(RuntimeError, match="LookupError: what nobody"):
                await collect(engine, ask("break n=20"))
            assert (await collect(engine, ask("n=2"))).tokens == 2

    async def test_before_its_start_it_serves_nothing(self) -> None:
        _said, error = await collect_failing(hosted(), ask())
        assert (error.code, error.message) == ("not_ready", "not started")

    @pytest.mark.parametrize("what", ["measure", "start"])
    async def test_a_refused_start_says_why_and_may_be_tried_again(
        self, tmp_path: Path, what: str
    ) -> None:
        engine = hosted(planned(tmp_path, "refuse"))
        with pytest.raises(EngineError, match="no room") as refused:
            await getattr(engine, what)()
        assert (refused.value.code, refused.value.retryable) == ("out_of_memory", True)
        [state] = engine.states().values()
        text = "the hosted one cannot be served: no room"
        assert (state.name, state.message, engine._child) == ("failed", text, None)
        await engine.measure()
        await engine.start()
        assert engine.problem is None
        await engine.stop()

    @pytest.mark.parametrize(
        ("word", "cause"), [("die", "killed by SIGKILL"), ("leave", "exit status 3")]
    )
    async def test_one_that_dies_at_its_start_says_of_what(
        self, tmp_path: Path, word: str, cause: str
    ) -> None:
        engine = hosted(planned(tmp_path, word))
        with pytest.raises(EngineError, match=cause) as lost:
            await engine.start()
        assert lost.value.code == "engine_died"
        assert engine.states()["hosted"].name == "failed"
        assert cause in str(engine.problem)

    async def test_who_gives_up_waiting_ends_it(self, tmp_path: Path) -> None:
        engine = hosted(planned(tmp_path, "wait"))
        starting = asyncio.create_task(engine.start())
        await eventually(lambda: engine._child is not None and engine._child.heard > 0)
        process = process_of(engine)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        assert not process.is_running()
        assert engine._child is None
