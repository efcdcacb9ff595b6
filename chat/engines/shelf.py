"""Several models of this process, which share its memory.

A model is loaded when it is first asked for. Where that needs room, the models that
nobody uses go, the one longest unused first; one that answers is never unloaded.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from .. import nudges
from .base import Engine, EngineError, EngineEvent, EngineRequest, ModelInfo, ModelState
from .loading import Loading

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""How long a model waits for room. Its requests wait with it."""
FAILED_SECONDS = 30.0
"""One that could not be loaded is not tried again before."""


class Loadable(Loading):
    """An engine that says what it takes before it takes it, and can be started again
    after it was stopped. It serves one model."""

    on_guesses: Callable[[str, int, int], None] | None = None
    """Who counts guesses, of one source for one answer: so many, so many accepted."""

    @abstractmethod
    async def measure(self) -> int:
        """Bytes of memory it will take. Fetches the model's files where need be."""


class Book:
    """One model on the shelf."""

    def __init__(self, engine: Loadable) -> None:
        self.engine = engine
        self.users = 0
        """Requests that it answers, or that wait for it."""
        self.used = 0
        """Grows with each use."""
        self.size = 0
        """Bytes it holds, or is about to; 0 while it is not in memory."""
        self.opening: asyncio.Task[None] | None = None
        self.opened = 0.0
        """When that ended."""
        self.failure: EngineError | None = None
        """Why it did not work."""

    @property
    def name(self) -> str:
        return self.engine.models[0].id

    @property
    def state(self) -> ModelState:
        if self.failure is not None:
            return ModelState("failed", self.failure.message)
        return self.engine.states()[self.name]

    @property
    def is_opening(self) -> bool:
        return self.opening is not None and not self.opening.done()

    @property
    def idle(self) -> bool:
        settled = self.opening is not None and self.opening.done()
        return settled and self.size > 0 and self.users == 0

    @property
    def is_to_be_opened(self) -> bool:
        """It never was, or it failed some time ago."""
        if self.opening is None:
            return True
        if not self.opening.done() or self.state.name != "failed":
            return False
        return time.monotonic() - self.opened > FAILED_SECONDS


class Shelf(Engine):
    def __init__(
        self,
        engines: Sequence[Loadable],
        budget: int,
        *,
        first: str | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """`budget`: bytes for all models together. `first`: the one to load at the
        start; without it this process is not ready."""
        self._books = {engine.models[0].id: Book(engine) for engine in engines}
        self._budget = budget
        self._first = first
        self._patience = patience
        self._uses = itertools.count(1)
        self._making_room = asyncio.Lock()
        self._news = asyncio.Event()

    @property
    def models(self) -> Sequence[ModelInfo]:  # type: ignore[override]
        return [book.engine.models[0] for book in self._books.values()]

    @property
    def problem(self) -> str | None:
        """Of the first: once it was there, others may have its room."""
        if self._first is None:
            return None
        book = self._books[self._first]
        if book.state.name == "failed" or not book.opened:
            return book.state.message
        return None

    def states(self) -> dict[str, ModelState]:
        return {name: book.state for name, book in self._books.items()}

    @property
    def loading(self) -> frozenset[str]:
        return frozenset(name for name, book in self._books.items() if book.is_opening)

    async def start(self) -> None:
        """The first one keeps the others from nothing, whether it can be loaded or
        not: its state tells."""
        if self._first is not None:
            self._begin(self._books[self._first])

    async def stop(self) -> None:
        for book in self._books.values():
            if book.opening is not None:
                book.opening.cancel()
                await asyncio.gather(book.opening, return_exceptions=True)
            await book.engine.stop()
            book.opening, book.size = None, 0

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        book = self._books.get(request.model)
        if book is None:
            text = f"The model {request.model} is not served any more."
            raise EngineError("model_not_found", text)
        async with self._lent(book) as engine, aclosing(engine.stream(request)) as said:
            async for event in said:
                yield event

    @asynccontextmanager
    async def _lent(self, book: Book) -> AsyncIterator[Loadable]:
        """In memory, and not unloaded before it is given back."""
        book.users += 1
        try:
            await self._open(book)
            yield book.engine
        finally:
            book.users -= 1
            book.used = next(self._uses)
            self._news.set()

    async def _open(self, book: Book) -> None:
        """Once for all who wait. Who goes away does not end it: others may come."""
        if book.is_to_be_opened:
            self._begin(book)
        if book.opening is not None:
            await asyncio.shield(book.opening)

    def _begin(self, book: Book) -> None:
        name = f"open-{book.name}"
        book.failure = None
        book.opening = asyncio.create_task(self._opening(book), name=name)
        book.opening.add_done_callback(opened)

    async def _opening(self, book: Book) -> None:
        try:
            if book.size:  # it broke after it was loaded
                await self._close(book)
            size = await book.engine.measure()
            await self._make_room(book, size)
            await book.engine.start()
        except EngineError as error:
            logger.error("%s: %s", error.code, error.message)
            book.size = 0
            if book.opening is not None:
                book.failure = error
            raise
        except BaseException:
            book.size, book.opening = 0, None
            raise
        finally:
            book.opened = time.monotonic()
            self._news.set()

    async def _make_room(self, book: Book, size: int) -> None:
        """For one at a time: who came first is not overtaken by what is smaller."""
        if size > self._budget:
            raise too_large(book.name, size, self._budget)
        try:
            async with asyncio.timeout(self._patience), self._making_room:
                while self._taken() + size > self._budget:
                    await self._free_some()
                book.size = size
        except TimeoutError as error:
            book.opening = None  # whoever asks next may have more luck
            raise busy(book.name) from error

    def _taken(self) -> int:
        return sum(book.size for book in self._books.values())

    async def _free_some(self) -> None:
        """Unload the one longest unused, or wait until one is."""
        self._news.clear()
        idle = [book for book in self._books.values() if book.idle]
        if not idle:
            await self._news.wait()
            return
        book = min(idle, key=lambda each: each.used)
        logger.info("unloading %s: its memory is needed", book.name)
        # Before the first await: who asks for it now waits until it is loaded again.
        book.opening = None
        await self._close(book)

    async def _close(self, book: Book) -> None:
        """To the end, even where whoever wants the room has lost patience."""
        await asyncio.shield(asyncio.create_task(self._unload(book)))

    async def _unload(self, book: Book) -> None:
        await book.engine.stop()
        book.size = 0
        self._news.set()


def opened(opening: asyncio.Task[None]) -> None:
    """Or not: either way what waited for it may begin. And asyncio would complain of a
    failure that nobody looked at."""
    if not opening.cancelled():
        opening.exception()
    nudges.queue.deliver()


def too_large(name: str, size: int, budget: int) -> EngineError:
    return EngineError(
        "out_of_memory",
        f"{name} does not fit into memory: it takes {size // 2**20} MB, and all models"
        f" together may take {budget // 2**20} MB. Let CHAT_LOCAL_MEMORY_MB allow more,"
        " or choose a smaller model.",
    )


def busy(name: str) -> EngineError:
    return EngineError(
        "models_busy",
        f"There is no memory for {name} while other models answer. Try again later, or"
        " choose another model.",
        retryable=True,
    )
