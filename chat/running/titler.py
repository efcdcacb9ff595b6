"""Ask the model for titles: beside the answers, few at a time, and never twice.

No generation of anybody's: it is stored nowhere, counted nowhere, and waits in no
queue. What fails leaves the title as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from uuid import UUID

from .. import nudges, titles
from ..database import in_bulk
from ..engines.base import Chunk, EngineError, EngineRequest, Params
from ..engines.registry import Engines
from ..external.services import Services
from ..external.titles import cleared
from ..screening.answers import screened
from ..screening.rulebook import rulebook
from ..titles import TITLE_CHARS, Untitled

logger = logging.getLogger(__name__)

AT_ONCE = 2
MAX_WAITING = 1000
SECONDS = 30.0
TOKENS = 600
"""Some models think first, whatever they are told; a title itself has few."""
PARAMS = Params(temperature=0.2, max_tokens=TOKENS, thinking=False)


class Titler:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._services = Services(engines)
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING)
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        nudges.answered.connect(self.hear)
        self._workers = [
            asyncio.create_task(self._work(), name=f"titler-{number}")
            for number in range(AT_ONCE)
        ]

    async def stop(self) -> None:
        nudges.answered.disconnect(self.hear)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._services.stop()

    async def settled(self) -> None:
        """When all that was heard of so far is worked through."""
        await self._waiting.join()

    def hear(self, generation: str) -> None:
        """An answer is complete. When too many wait, this one is not titled now, but
        after the conversation's next answer."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(generation)

    async def _work(self) -> None:
        while True:
            generation = await self._waiting.get()
            try:
                await self._title(UUID(generation))
            except (EngineError, TimeoutError) as error:
                logger.info("no title after %s: %r", generation, error)
            except Exception:
                logger.exception("no title after %s", generation)
            finally:
                self._waiting.task_done()

    async def _title(self, generation: UUID) -> None:
        untitled = await in_bulk(titles.claim, generation)
        if untitled is None:
            return
        async with asyncio.timeout(SECONDS):
            title = titles.title_in(await self._ask(untitled))
        title = screened(rulebook.known.answers, title)
        if not title or not await cleared(title, self._services):
            return
        if await in_bulk(titles.put, untitled.conversation, title):
            named = untitled.conversation
            nudges.conversation_changed(untitled.owner, "updated", named)

    async def _ask(self, untitled: Untitled) -> str:
        """What the model says, no further than a title can go."""
        engine = await self._engines.get(untitled.model)
        request = EngineRequest(
            id=f"title.{untitled.conversation}",
            model=untitled.model,
            messages=untitled.messages(),
            params=PARAMS,
        )
        said = ""
        async with contextlib.aclosing(engine.stream(request)) as stream:
            async for event in stream:
                if isinstance(event, Chunk):
                    said += event.text
                    if "\n" in said.lstrip() or len(said) > 2 * TITLE_CHARS:
                        break
        return said
