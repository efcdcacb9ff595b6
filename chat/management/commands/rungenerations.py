"""`manage.py rungenerations`: a runner without web, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat import process
from chatsite.lifespan import refuse_serious_problems


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
        asyncio.run(run())


async def run() -> None:
    """From start to a clean drain on SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await process.start()
    await stopped.wait()
    await process.stop()
