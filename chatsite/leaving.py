"""Work for a client ends when the client goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class WhileItStays:
    """Cancels what is done inside once the client is gone, and ends quietly then.

    Its request is complete: the next thing that comes from it is that it left. Do not
    await anything inside behind the last of the answer: that looks like leaving too.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.left = False

    async def __aenter__(self) -> WhileItStays:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watch = asyncio.create_task(self._wait(), name="client")
        return self

    async def _wait(self) -> None:
        await self._receive()
        self.left = True
        self._task.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        task = self._task
        self._watch.cancel()
        # Each of them leads back here: only the garbage collector would free them.
        del self._task, self._watch
        if not self.left:
            return False
        return task.uncancel() == 0 and kind is asyncio.CancelledError
