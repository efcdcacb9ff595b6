"""Reading an engine to the end, and asking it the way the runner does."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chat.engines.base import (
    Chunk,
    Engine,
    EngineError,
    EngineEvent,
    EngineRequest,
    Finished,
    Params,
    Progress,
    Prompted,
)
from chat.engines.local import LocalEngine


@dataclass
class Answer:
    """What a stream said, added up."""

    events: list[EngineEvent] = field(default_factory=list)

    @property
    def chunks(self) -> list[Chunk]:
        return [event for event in self.events if isinstance(event, Chunk)]

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def reasoning(self) -> str:
        return "".join(chunk.reasoning for chunk in self.chunks)

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(token for chunk in self.chunks for token in chunk.token_ids)

    @property
    def tokens(self) -> int:
        return sum(chunk.tokens for chunk in self.chunks)

    @property
    def prompted(self) -> Prompted:
        assert isinstance(self.events[0], Prompted)
        return self.events[0]

    @property
    def finished(self) -> Finished:
        assert isinstance(self.events[-1], Finished)
        return self.events[-1]

    def progress(self) -> Progress:
        return Progress(self.text, self.reasoning, self.token_ids, self.tokens)


def ask(
    prompt: str = "Hello",
    *,
    id: str = "request",
    system: str | None = None,
    progress: Progress | None = None,
    **params: object,
) -> EngineRequest:
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    return EngineRequest(
        id=id,
        model="test",
        messages=messages,
        params=Params(**params),
        progress=progress or Progress(),
    )


async def collect(engine: Engine, request: EngineRequest) -> Answer:
    answer = Answer()
    async for event in engine.stream(request):
        answer.events.append(event)
    return answer


async def collect_some(engine: Engine, request: EngineRequest, tokens: int) -> Answer:
    """Reads until `tokens` have come, then closes the stream."""
    answer = Answer()
    stream = engine.stream(request)
    async for event in stream:
        answer.events.append(event)
        if answer.tokens >= tokens:
            break
    await stream.aclose()
    return answer


async def collect_failing(
    engine: Engine, request: EngineRequest
) -> tuple[Answer, EngineError]:
    """What came, and the error that ended it."""
    answer = Answer()
    try:
        async for event in engine.stream(request):
            answer.events.append(event)
    except EngineError as error:
        return answer, error
    raise AssertionError("the stream did not fail")


async def eventually(condition: Callable[[], bool]) -> None:
    """Once another thread has done it."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Gate:
    """Holds a worker at one step."""

    def __init__(self, at: int = 0) -> None:
        self._at = at
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self, step: int) -> None:
        if step == self._at:
            self.hold()

    def hold(self) -> None:
        self.reached.set()
        assert self._opened.wait(60)

    def open(self) -> None:
        self._opened.set()

    async def wait(self) -> None:
        """Until it is there."""
        assert await asyncio.to_thread(self.reached.wait, 60)


def hold(engine: LocalEngine, monkeypatch: Any, when: Callable[[int], Any]) -> Gate:
    """The model, once, before the first of its next steps of which that is true."""
    gate, model = Gate(), engine._worker.model
    forward, steps = model.forward, itertools.count(1)

    def held(*args: Any, **options: Any) -> Any:
        if when(next(steps)) and not gate.reached.is_set():
            gate.hold()
        return forward(*args, **options)

    monkeypatch.setattr(model, "forward", held)
    return gate
