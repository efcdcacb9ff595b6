"""Asking, claiming and running without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from chat import generations
from chat.asking import Ask
from chat.database import settle
from chat.engines.base import Chunk, Engine, EngineEvent, EngineRequest
from chat.engines.registry import Engines
from chat.engines.scripted import ScriptedEngine
from chat.events import Snapshot
from chat.models import Generation
from chat.records import load
from chat.running import lease, outcomes
from chat.running.lease import Lease
from chat.running.outcomes import Checkpoint, Outcome
from chat.running.runner import Runner
from chat.tape import MemoryTape, Tape
from tests.reading import eventually


def ask(user: Any, prompt: str = "pace=0 n=5", **where: Any) -> Generation:
    """A question and its queued answer."""
    key, model = where.pop("key", None), where.pop("model", "scripted")
    params = where.pop("params", {})
    return generations.start(user, Ask(model, params, key), prompt, **where)


def claim_one(owner: str = "owner") -> Lease:
    [held] = lease.claim(owner, 1)
    return held


def expire(generation: Generation) -> None:
    """Its owner was silent for too long."""
    past = timezone.now() - timedelta(seconds=1)
    Generation.objects.filter(pk=generation.pk).update(lease_until=past)


def said(held: Lease, text: str, *, whole: bool = False, seq: int = 0) -> Checkpoint:
    return Checkpoint(
        lease=held,
        last_seq=seq,
        text=text,
        reasoning="",
        token_ids="1 ",
        tool_calls="",
        prompt_tokens=2,
        completion_tokens=1,
        first_token=timezone.now(),
        whole=whole,
        marks=(0, 0, 0, 0),
    )


def ended(held: Lease, text: str = "all", status: str = "done") -> Outcome:
    return Outcome(
        status=status,
        said=Snapshot(text, "so"),
        prompt_tokens=2,
        completion_tokens=3,
        last_seq=held.attempt * 1_000_000 + 7,
        first_token=timezone.now(),
        finish_reason="stop",
    )


def finish(held: Lease, outcome: Outcome) -> Generation | None:
    """One end; the row with it, None if the lease was lost."""
    [row] = outcomes.finish_all([(held, outcome)])
    return row


def fresh(generation: Generation) -> Generation:
    return load(generation.pk)


class Held(ScriptedEngine):
    """Says so many tokens, and more when it may: nothing ends while a test looks."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self._may = asyncio.Semaphore(tokens)

    def say(self, more: int) -> None:
        for _ in range(more):
            self._may.release()

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        async with aclosing(super().stream(request)) as stream:
            async for said in stream:
                if isinstance(said, Chunk):
                    await self._may.acquire()
                yield said


class OneEngine(Engines):
    """Serves every model with the engine it is given."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    async def get(self, model: str) -> Engine:
        return self.engine


@asynccontextmanager
async def runner_of(
    owner: str = "runner",
    tape: Tape | None = None,
    engine: Engine | None = None,
) -> AsyncIterator[Runner]:
    """A runner that works; drained without grace at the end."""
    engines = OneEngine(engine) if engine else Engines()
    if not engine:
        await engines.start()
    runner = Runner(owner, tape or MemoryTape(), engines)
    await runner.start()
    try:
        yield runner
    finally:
        await runner.drain(0)
        await engines.stop()


async def crash(runner: Runner) -> None:
    """Without a word: no checkpoint, no release, as after kill -9."""
    tasks = [*runner._loops, *runner._tasks]
    for job in runner._jobs.values():
        if job.task is not None:
            tasks.append(job.task)
            job.interrupted = "lost"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await settle()  # a renewal on its way would keep its lease for it


async def text_on_the_way(
    tape: MemoryTape, generation: Generation, tokens: int = 3
) -> None:
    """Until some tokens have been said."""
    key = str(generation.pk)

    def look() -> bool:
        state = tape.state(key)
        return state is not None and state[1].text.count("t") >= tokens

    await eventually(look)
