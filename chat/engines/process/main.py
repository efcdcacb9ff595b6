"""What runs in the process of a model: it does what it is asked for through the pipe
that it inherited, and leaves when nobody is at the other end."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import partial

from ..base import EngineEvent, EngineRequest, ModelState
from ..shelf import Loadable
from .pipe import (
    Alive,
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

BEAT_SECONDS = 0.5
MAX_LOG_CHARS = 10_000


class Host:
    """The engine, and the answers under way."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.pipe = Pipe(self._hear, leave)
        self._engine: Loadable | None = None
        self._doing: asyncio.Task[None] | None = None
        self._answering: dict[str, asyncio.Task[Failure | None]] = {}
        self._news: News = []

    async def beat(self) -> None:
        """For as long as it lives."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self.pipe.send(Alive())

    def _hear(self, message: Message) -> None:
        if isinstance(message, Ask):
            name = message.request.id
            task = asyncio.create_task(self._answer(self._built, message.request))
            self._answering[name] = task
            task.add_done_callback(partial(self._answered, name))
        elif isinstance(message, Drop):
            if (answering := self._answering.get(message.id)) is not None:
                answering.cancel()
        elif isinstance(message, Build):
            self._engine = self._make(message)
        elif isinstance(message, Do):
            self._doing = asyncio.create_task(self._do(self._built, message))

    @property
    def _built(self) -> Loadable:
        assert self._engine is not None, "the first message builds it"
        return self._engine

    def _make(self, build: Build) -> Loadable:
        module, _, name = build.factory.partition(":")
        made = getattr(importlib.import_module(module), name)(**build.options)
        assert isinstance(made, Loadable)
        made.on_state, made.on_guesses = self._changed, self._guessed
        return made

    async def _do(self, engine: Loadable, what: Do) -> None:
        size = failure = None
        try:
            if what.name == "measure":
                size = await engine.measure()
            else:
                await engine.start()
        except Exception as error:
            failure = Failure.of(error)
        self._tell()  # so that the state is known before the outcome
        self.pipe.send(Done(size, failure))

    async def _answer(self, engine: Loadable, request: EngineRequest) -> Failure | None:
        try:
            async with aclosing(engine.stream(request)) as events:
                async for event in events:
                    self._say(request.id, event)
                    if not self.pipe.writable.is_set():
                        await self.pipe.writable.wait()
        except Exception as error:
            return Failure.of(error)
        return None

    def _answered(self, name: str, answering: asyncio.Task[Failure | None]) -> None:
        """A callback: one that is dropped before its first step runs no `finally`."""
        del self._answering[name]
        self._say(name, Over(None if answering.cancelled() else answering.result()))

    def _say(self, name: str, event: EngineEvent | Over) -> None:
        """With all that is said in this turn of the loop: a step of the model has
        something for everybody."""
        if not self._news:
            self._loop.call_soon(self._flush)
        self._news.append((name, event))

    def _flush(self) -> None:
        news, self._news = self._news, []
        self.pipe.send(news)

    def _tell(self) -> None:
        engine = self._built
        [state] = engine.states().values()
        self.pipe.send(Told(state, tuple(engine.models)))

    def _changed(self, _state: ModelState) -> None:
        """From any thread."""
        self._soon(self._tell)

    def _guessed(self, source: str, guessed: int, accepted: int) -> None:
        """From the worker's thread."""
        self._soon(partial(self.pipe.send, Guessed(source, guessed, accepted)))

    def _soon(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(what)

    def log(self, said: Logged) -> None:
        """From any thread; nothing queues up for whoever does not read."""
        if self.pipe.writable.is_set():
            self._soon(partial(self.pipe.send, said))


class Relay(logging.Handler):
    """To the logs of the process that started this one."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)[:MAX_LOG_CHARS]
        self._host.log(Logged(record.name, record.levelno, text))


def leave() -> None:
    """At once: whatever still computes has nobody to compute for."""
    os._exit(0)


async def run(end: socket.socket) -> None:
    host = Host()
    relay = Relay(host)
    relay.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(handlers=[relay], level=logging.WARNING)
    logging.getLogger("chat").setLevel(logging.INFO)
    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: host.pipe, sock=end)
    await host.beat()


if __name__ == "__main__":
    # A service manager may signal every process of the service: answers end first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(run(socket.socket(fileno=int(sys.argv[1]))))
