"""The worker's thread dies of any exception: nobody may wait for it for ever."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import pytest_asyncio
import torch

from chat.engines.base import EngineError, EngineLost
from chat.engines.local import LocalEngine, job
from chat.engines.local.worker import BatchWorker
from tests.engines.helpers import ask, collect, collect_failing, eventually

REPOSITORY = Path(__file__).parent.parent.parent


@pytest_asyncio.fixture
async def engine(tiny_folder: Path):
    engine = LocalEngine(str(tiny_folder), cache_size=4096)
    await engine.start()
    yield engine
    await engine.stop()


def break_model(
    engine: LocalEngine,
    monkeypatch,
    *,
    times: int,
    after: int,
    error: BaseException | None = None,
) -> None:
    """Let the model raise, `times` times, from step `after` on."""
    model = engine._worker.model
    forward, steps = model.forward, 0

    def broken(*args: object, **options: object) -> object:
        nonlocal steps
        steps += 1
        if after < steps <= after + times:
            raise error or RuntimeError("a step failed")
        return forward(*args, **options)

    monkeypatch.setattr(model, "forward", broken)


async def test_it_restarts_and_continues_where_it_was(engine, monkeypatch):
    options = {"max_tokens": 40, "temperature": 0}
    requests = [ask(f"{n}", id=f"{n}", **options) for n in range(4)]
    whole = await asyncio.gather(*(collect(engine, each) for each in requests))
    break_model(engine, monkeypatch, times=1, after=20)
    broken = await asyncio.gather(*(collect_failing(engine, one) for one in requests))
    for n, (answer, error) in enumerate(broken):
        assert isinstance(error, EngineLost)
        assert error.code == "engine_restarted"
        rest = await collect(engine, ask(f"{n}", progress=answer.progress(), **options))
        assert answer.text + rest.text == whole[n].text
    assert any(answer.tokens for answer, _error in broken)
    await eventually(lambda: engine.problem is None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_ends_without_a_word_is_missed(engine, monkeypatch):
    options = {"max_tokens": 30, "temperature": 0}
    whole = await collect(engine, ask(**options))
    break_model(engine, monkeypatch, times=1, after=10, error=SystemExit())

    answer, lost = await collect_failing(engine, ask(**options))

    assert isinstance(lost, EngineLost)
    assert "its thread ended" in engine.problem
    rest = await collect(engine, ask(progress=answer.progress(), **options))
    assert answer.text + rest.text == whole.text
    await eventually(lambda: engine.problem is None)


async def test_what_failed_holds_no_cache(engine, monkeypatch):
    requests = [ask(f"{n}", id=f"{n}", max_tokens=40) for n in range(4)]
    break_model(engine, monkeypatch, times=1, after=20)
    await asyncio.gather(*(collect_failing(engine, one) for one in requests))
    await eventually(lambda: engine.problem is None)
    processor = engine._worker.batch_processor
    await eventually(lambda: not processor.has_pending_requests())
    tables = [a.block_table for a in processor.cache.cache_allocators.values()]
    assert tables == [{}]


async def test_a_request_that_finds_the_worker_dead_is_lost_and_not_stuck(
    engine, monkeypatch
):
    monkeypatch.setattr(job, "RELEASE_SECONDS", 0.01)
    monkeypatch.setattr(engine._worker, "is_running", lambda: False)
    _answer, lost = await collect_failing(engine, ask())
    assert isinstance(lost, EngineLost)
    assert engine._inboxes == {}
    assert engine._worker.output_router.result_handlers == {}


async def test_it_continues_what_it_guessed_ahead_for(tiny_folder, monkeypatch):
    engine = LocalEngine(
        str(tiny_folder), cache_size=4096, draft_model=str(tiny_folder)
    )
    await engine.start()
    try:
        options = {"max_tokens": 60, "temperature": 0}
        whole = await collect(engine, ask(**options))
        break_model(engine, monkeypatch, times=1, after=4)
        answer, lost = await collect_failing(engine, ask(**options))
        assert isinstance(lost, EngineLost)
        assert answer.tokens
        rest = await collect(engine, ask(progress=answer.progress(), **options))
        assert answer.token_ids + rest.token_ids == whole.token_ids
    finally:
        await engine.stop()


async def test_it_says_so_while_it_restarts(engine, monkeypatch):
    break_model(engine, monkeypatch, times=1, after=0)
    await collect_failing(engine, ask())
    assert "restarts after: a step failed" in engine.problem
    await eventually(lambda: engine.problem is None)


async def test_it_gives_up_a_worker_that_keeps_dying(engine, monkeypatch):
    break_model(engine, monkeypatch, times=1000, after=0)
    async with asyncio.timeout(60):
        while "keeps dying" not in (engine.problem or ""):
            await collect_failing(engine, ask())
            await asyncio.sleep(0.01)
    _answer, error = await collect_failing(engine, ask())
    assert error.code == "not_ready"
    assert "a step failed" in error.message


@pytest_asyncio.fixture
async def watched(tiny_folder: Path):
    engine = LocalEngine(str(tiny_folder), cache_size=4096, step_seconds=1)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
def hang(watched: LocalEngine, monkeypatch):
    """Lets steps of the model hang, from the given one on, until the test ends."""
    forward, steps = watched._worker.model.forward, 0
    awake, hung = threading.Event(), set()
    takes = BatchWorker.step_seconds.fget
    # Of a step that does not hang it does not matter how long it takes.
    only_hung = property(lambda worker: takes(worker) if worker in hung else 0.0)
    monkeypatch.setattr(BatchWorker, "step_seconds", only_hung)

    def hang(*, after: int, times: int = 1) -> None:
        def hanging(*args: object, **options: object) -> object:
            nonlocal steps
            steps += 1
            if after < steps <= after + times:
                hung.add(watched._worker)
                awake.wait(120)
            return forward(*args, **options)

        monkeypatch.setattr(watched._worker.model, "forward", hanging)

    yield hang
    awake.set()


async def test_it_gives_up_a_step_that_hangs_and_continues(watched, hang):
    options = {"max_tokens": 40, "temperature": 0}
    whole = await collect(watched, ask(**options))
    hung = watched._worker
    hang(after=20)

    answer, error = await collect_failing(watched, ask(**options))

    assert isinstance(error, EngineLost)
    assert answer.tokens
    rest = await collect(watched, ask(progress=answer.progress(), **options))
    assert answer.text + rest.text == whole.text
    assert watched._worker is not hung
    await eventually(lambda: watched.problem is None)


async def test_what_a_step_says_too_late_reaches_nobody(watched, hang):
    hung = watched._worker
    hang(after=2)
    await collect_failing(watched, ask(max_tokens=40))

    assert hung.output_router.result_handlers == {}
    assert hung.last_error is not None


async def test_a_device_that_hangs_again_is_gone(watched, hang):
    hang(after=2, times=1000)
    await collect_failing(watched, ask(max_tokens=40))

    async with asyncio.timeout(60):
        while "keeps hanging" not in (watched.problem or ""):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    _answer, error = await collect_failing(watched, ask())
    assert error.code == "not_ready"


async def test_a_step_without_memory_costs_nobody_an_answer(engine, monkeypatch):
    options = {"max_tokens": 30, "temperature": 0}
    whole = await collect(engine, ask(**options))
    model, error = engine._worker.model, torch.OutOfMemoryError("no memory left")
    break_model(engine, monkeypatch, times=1, after=10, error=error)

    answer, lost = await collect_failing(engine, ask(**options))

    assert isinstance(lost, EngineLost)
    assert "no memory left" in engine.problem
    await eventually(lambda: engine.problem is None)
    rest = await collect(engine, ask(progress=answer.progress(), **options))
    assert answer.text + rest.text == whole.text
    assert engine._worker.model is model


async def test_it_says_why_it_cannot_start(tiny_folder, monkeypatch):
    engine = LocalEngine(str(tiny_folder), cache_size=10**12)
    with pytest.raises(EngineError, match="emory"):
        await engine.start()
    assert "cannot be served" in engine.problem
    assert engine._worker is None


# The libraries take seconds to import: once for all three.
SCRIPT = """
import asyncio, os, sys
import torch, transformers
from chat.engines.base import EngineRequest, Params
from chat.engines.local import LocalEngine, job
from chat.engines.local.worker import BatchWorker

async def main(how):
    engine = LocalEngine(sys.argv[1], cache_size=2048)
    await engine.start()
    messages = [{"role": "user", "content": "hi"}]
    most = 400 if how == "running" else 4
    request = EngineRequest("1", "m", messages, Params(max_tokens=most))
    async for event in engine.stream(request):
        if how == "running" or event.__class__.__name__ == "Finished":
            break
    if how == "raising":
        raise SystemExit(3)

children = {}
for how in ("finished", "running", "raising"):
    children[how] = os.fork()
    if not children[how]:
        break
else:
    for how, child in children.items():
        print(how, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    raise SystemExit
asyncio.run(main(how))
"""


async def test_the_process_ends_without_stop(tiny_folder):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SCRIPT, str(tiny_folder)],
        cwd=REPOSITORY,
        timeout=240,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("\n") == ["finished 0", "running 0", "raising 3", ""]
    assert "Traceback" not in done.stderr
