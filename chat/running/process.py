"""What one server process holds: tape, engines, runner. Started and drained once."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket

from django.conf import settings

from .. import heap, nudges
from ..database import settle
from ..engines.registry import Engines, upstreams
from ..engines.remote.catalog import catalog
from ..gathering import gathering
from ..limits.quotas import quotas
from ..notices import Notices
from ..observe import metrics, tracing
from ..screening.rulebook import rulebook
from ..tape import MemoryTape, RedisTape, Tape
from .chores import Chores
from .desk import desk
from .runner import Runner
from .titler import Titler


def make_tape() -> Tape:
    return RedisTape(settings.REDIS_URL) if settings.REDIS_URL else MemoryTape()


class Process:
    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.tape = make_tape()
        self.engines = Engines()
        self.notices = Notices()
        self.runner: Runner | None = None
        self.titler = Titler(self.engines)
        self.chores = Chores()

    async def start(self) -> None:
        heap.share()
        tracing.start(self.name)
        await self.tape.start()
        nudges.stop.connect(self.tape.nudge)
        nudges.ended.connect(self.tape.nudge)
        nudges.erased.connect(self.tape.forget)
        nudges.rules.connect(rulebook.forget)
        nudges.quotas.connect(quotas.forget)
        self.notices.start()
        gathering.start()
        catalog.start(upstreams())
        if settings.CHAT_ROLE != "web":
            await self.engines.start()
            self.runner = Runner(self.name, self.tape, self.engines)
            await self.runner.start()
            desk.open(self.runner.counter)
            self.titler.start()
            self.chores.start()

    def close_readers(self) -> None:
        """End every open stream; clients resume at another process, or here again."""
        self.tape.close_readers()

    async def drain(self) -> None:
        """Finish or hand back what runs, then let go of everything."""
        if self.runner is not None:
            desk.close()
            await self.runner.drain(settings.CHAT_GRACE_SECONDS)
            await self.titler.stop()
            await self.chores.stop()
        self.close_readers()
        nudges.stop.disconnect(self.tape.nudge)
        nudges.ended.disconnect(self.tape.nudge)
        nudges.erased.disconnect(self.tape.forget)
        nudges.rules.disconnect(rulebook.forget)
        nudges.quotas.disconnect(quotas.forget)
        await self.notices.stop()
        gathering.stop()
        await self.engines.stop()
        await catalog.stop()
        await self.tape.stop()
        await settle()
        await tracing.stop()
        metrics.forget_process()


_started: list[Process] = []
"""The one this process holds, while it is up."""


def current() -> Process:
    """This process. RuntimeError before it has started."""
    if not _started:
        raise RuntimeError("the process has not started: serve chatsite.asgi")
    return _started[-1]


async def start() -> Process:
    here = Process()
    _started.append(here)
    await here.start()
    return here


async def stop() -> None:
    if _started:
        await asyncio.shield(_started.pop().drain())
