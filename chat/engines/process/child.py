"""A process with an engine, and what is under way in it: this side of the pipe."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from chat.observe.metrics import FOLDER

from ..base import EngineError, EngineEvent, EngineLost, EngineRequest
from .pipe import (
    Ask,
    Build,
    Do,
    Done,
    Drop,
    Failure,
    Guessed,
    Logged,
    Message,
    News,
    Over,
    Pipe,
    Told,
)

ROOT = Path(__file__).resolve().parents[3]
LEAVE_SECONDS = 5.0
"""A process that is told to leave, or has hung up, and does not end is killed."""
DROP_SECONDS = 5.0


class Answer:
    """What came of one request and was not taken yet."""

    def __init__(self) -> None:
        self._events: list[EngineEvent] = []
        self._news = asyncio.Event()
        self._failure: Failure | None = None
        self.ended = asyncio.Event()

    def put(self, event: EngineEvent | Over) -> None:
        if isinstance(event, Over):
            self._failure = event.failure
            self.ended.set()
        else:
            self._events.append(event)
        self._news.set()

    async def fresh(self) -> list[EngineEvent]:
        """Waits for what came since the last call: nothing, when all was taken and it
        is over. Raises why, where that was no good end."""
        await self._news.wait()
        events, self._events = self._events, []
        if not self.ended.is_set():
            self._news.clear()
        elif not events and self._failure is not None:
            raise self._failure.error()
        return events


class Child:
    """`told`, `guessed`: what it says of itself. `lost`: it is gone, and `cause` says
    why; each answer that was under way has ended by then."""

    def __init__(
        self,
        told: Callable[[Told], None],
        guessed: Callable[[Guessed], None],
        lost: Callable[[Child], None],
    ) -> None:
        self._told, self._guessed, self._lost = told, guessed, lost
        self._pipe = Pipe(self._hear, self._hung_up)
        self._process: subprocess.Popen[bytes] | None = None
        self._done: asyncio.Future[int | None] | None = None
        self._answers: dict[str, Answer] = {}
        self._reaper: asyncio.Task[None] | None = None
        self.heard = 0.0
        """When it last said something, on the loop's clock."""
        self.cause = ""

    async def begin(self, build: Build) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = spawn(theirs)
        await loop.create_unix_connection(lambda: self._pipe, sock=ours)
        self._pipe.send(build)

    async def do(self, name: Literal["measure", "start"]) -> int | None:
        """Raises what the engine raises; EngineError `engine_died` where it dies."""
        if self._reaper is not None:
            raise died(self.cause)
        self._done = asyncio.get_running_loop().create_future()
        self._pipe.send(Do(name))
        return await self._done

    def ask(self, request: EngineRequest) -> Answer:
        if request.id in self._answers:
            raise EngineError("duplicate_request", f"{request.id} is running already.")
        answer = self._answers[request.id] = Answer()
        # Where the process is gone by now, it ends with the others, in a moment.
        self._pipe.send(Ask(request))
        return answer

    async def drop(self, name: str, answer: Answer) -> None:
        """Returns when it has freed what it held for the request."""
        if answer.ended.is_set():
            return
        self._pipe.send(Drop(name))
        with suppress(TimeoutError):
            async with asyncio.timeout(DROP_SECONDS):
                await answer.ended.wait()

    async def end(self) -> None:
        """It leaves when nobody is at the other end, and then it is gone."""
        self._pipe.close()
        self._hung_up()
        if self._reaper is not None:
            await asyncio.shield(self._reaper)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _hear(self, message: Message) -> None:
        self.heard = asyncio.get_running_loop().time()
        if isinstance(message, list):
            self._deliver(message)
        elif isinstance(message, Told):
            self._told(message)
        elif isinstance(message, Done):
            self._finish(message)
        elif isinstance(message, Guessed):
            self._guessed(message)
        elif isinstance(message, Logged):
            logging.getLogger(message.name).log(message.level, "%s", message.text)

    def _deliver(self, news: News) -> None:
        for name, event in news:
            if (answer := self._answers.get(name)) is not None:
                answer.put(event)
                if isinstance(event, Over):
                    del self._answers[name]

    def _finish(self, done: Done) -> None:
        future, self._done = self._done, None
        if future is None or future.done():
            return
        if done.failure is None:
            future.set_result(done.value)
        else:
            future.set_exception(done.failure.error())

    def _hung_up(self) -> None:
        if self._reaper is None:
            self._reaper = asyncio.create_task(self._reap(), name="reap-model")

    async def _reap(self) -> None:
        process = self._process
        if process is not None:
            try:
                await asyncio.to_thread(process.wait, LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
            self.cause = cause_of(process.returncode)
        self._end_answers()
        if self._done is not None and not self._done.done():
            self._done.set_exception(died(self.cause))
        self._lost(self)

    def _end_answers(self) -> None:
        text = "The process of the model ended."
        failure = Failure.of(EngineLost("engine_restarted", text))
        self._deliver([(name, Over(failure)) for name in self._answers])


def spawn(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """In a session of its own: a Ctrl-C is for us, who let answers end first.

    What it counts is counted here (`Guessed`): it leaves no files of metrics behind.
    """
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    env.pop(FOLDER, None)
    end = theirs.fileno()
    return subprocess.Popen(
        [sys.executable, "-m", "chat.engines.process.main", str(end)],
        stdin=subprocess.DEVNULL,
        pass_fds=[end],
        env=env,
        start_new_session=True,
    )


def cause_of(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"


def died(cause: str) -> EngineError:
    text = f"The process of the model ended ({cause}) before it could serve."
    return EngineError("engine_died", text, retryable=True)
