"""`manage.py rungenerations`: a runner without web, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.checks import refuse_serious_problems
from chat.engines.base import EngineError
from chat.running import process


class Command(BaseCommand):
    help = "Claim and generate answers in this process; needs REDIS_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError(
                "A runner of its own shares its tape over Redis: set REDIS_URL."
            )
        settings.CHAT_ROLE = "runner"
        try:
            refuse_serious_problems()
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        try:
            asyncio.run(run())
        except EngineError as error:
            # Nothing is claimed by a runner that cannot generate.
            raise CommandError(error.message) from error


async def run() -> None:
    """From start to a clean drain on SIGTERM or SIGINT. Raises `EngineError` when a
    model cannot be loaded."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    here = await process.start()
    try:
        waits = asyncio.create_task(stopped.wait())
        loads = asyncio.create_task(here.engines.loaded())
        await asyncio.wait((waits, loads), return_when=asyncio.FIRST_COMPLETED)
        if loads.done():
            loads.result()
        loads.cancel()
        await waits
    finally:
        await process.stop()
