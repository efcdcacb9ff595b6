"""An engine in a process of its own: lost, brought back, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from chat import nudges
from chat.engines import loading
from chat.engines.base import EngineLost

from .helpers import ask, collect, collect_failing, eventually
from .hosted import planned, process_of, running

ROOT = Path(__file__).resolve().parents[2]


class TestLosing:
    async def test_another_is_started_and_answers(self) -> None:
        async with running() as engine:
            before = process_of(engine).pid
            said, error = await collect_failing(engine, ask("die n=50"))
            assert isinstance(error, EngineLost)
            assert said.tokens == 8
            # Whoever asks meanwhile waits, and so does what is claimed only then.
            assert engine.loading == {"hosted"}
            answer = await collect(engine, ask("n=4", id="next"))
            assert answer.tokens == 4
            assert process_of(engine).pid != before
            assert (engine.problem, engine.loading) == (None, frozenset())

    async def test_it_is_said_when_it_is_back(self) -> None:
        told = asyncio.Event()
        nudges.queue.connect(told.set)
        try:
            async with running() as engine:
                process_of(engine).kill()
                async with asyncio.timeout(60):
                    await told.wait()
                assert engine.problem is None
        finally:
            nudges.queue.disconnect(told.set)

    async def test_all_that_were_under_way_are_lost_to_nobody(self) -> None:
        async with running() as engine:
            tasks = [
                asyncio.create_task(
                    collect_failing(engine, ask("n=9 hang=5", id=str(number)))
                )
                for number in range(20)
            ]
            answers = engine._child._answers  # type: ignore[union-attr]
            await eventually(lambda: len(answers) == 20)
            process_of(engine).kill()
            ended = await asyncio.gather(*tasks)
        assert all(isinstance(error, EngineLost) for _said, error in ended)

    async def test_what_was_measured_is_measured_again(self, tmp_path: Path) -> None:
        plan = tmp_path / "plan"
        async with running(plan) as engine:
            engine._measured = True
            planned(tmp_path, "measured", "started")
            process_of(engine).kill()
            await eventually(lambda: engine.loading != frozenset())
            await eventually(lambda: engine.loading == frozenset())
            assert engine.problem is None
            assert plan.read_text() == ""

    async def test_one_that_cannot_come_back_says_so(self, tmp_path: Path) -> None:
        async with running(tmp_path / "plan") as engine:
            planned(tmp_path, "die")
            process_of(engine).kill()
            await eventually(lambda: engine.states()["hosted"].name == "failed")
            assert "cannot be started again" in str(engine.problem)
            _said, error = await collect_failing(engine, ask())
            assert error.code == "not_ready"
            await eventually(lambda: engine.loading == frozenset())
            # It is not over for good: a shelf stops it, and starts it again.
            await engine.stop()
            await engine.start()
            assert (await collect(engine, ask("n=3"))).tokens == 3

    async def test_one_that_keeps_dying_is_left_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loading, "DEATHS_SECONDS", 3600.0)
        async with running() as engine:
            for number in range(loading.MAX_DEATHS):
                await collect_failing(engine, ask("die n=50", id=str(number)))
            await eventually(lambda: engine.states()["hosted"].name == "failed")
            assert "keeps dying: killed by SIGKILL" in str(engine.problem)
            assert engine.loading == frozenset()

    async def test_one_that_stands_still_is_killed(self) -> None:
        async with running(silence=8) as engine:
            asked = asyncio.create_task(collect_failing(engine, ask("freeze n=50")))
            said, error = await asyncio.wait_for(asked, 120)
            assert isinstance(error, EngineLost)
            assert said.tokens <= 8
            assert (await collect(engine, ask("n=3", id="next"))).tokens == 3


class TestEnding:
    async def test_nothing_is_left_of_it(self) -> None:
        async with running() as engine:
            process = process_of(engine)
            asked = asyncio.create_task(collect_failing(engine, ask("n=9 hang=5")))
            await eventually(lambda: bool(engine._child._answers))  # type: ignore[union-attr]
            await engine.stop()
            _said, error = await asked
            assert isinstance(error, EngineLost)
            assert not process.is_running()
            await engine.start()
            assert (await collect(engine, ask("n=3"))).tokens == 3

    async def test_signals_to_the_whole_service_leave_it_to_us(self) -> None:
        async with running() as engine:
            process = process_of(engine)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            assert (await collect(engine, ask("n=3"))).tokens == 3
            assert os.getsid(process.pid) != os.getsid(0)  # nor does a Ctrl-C come

    async def test_it_leaves_when_we_are_killed(self) -> None:
        script = (
            "import asyncio\n"
            "from tests.engines.hosted import hosted, process_of\n"
            "async def main():\n"
            "    engine = hosted()\n"
            "    await engine.start()\n"
            "    print(process_of(engine).pid, flush=True)\n"
            "    await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as parent:
            assert parent.stdout is not None
            line = await asyncio.to_thread(parent.stdout.readline)
            parent.kill()
        await eventually(gone(int(line)))


def gone(pid: int) -> Callable[[], bool]:
    """Whether it ended. That it did may be fetched much later: its parent is dead."""

    def look() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return look
