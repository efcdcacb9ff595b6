"""What engines have in common that load a model into this process."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from .base import Engine, EngineError, ModelState

logger = logging.getLogger(__name__)

MAX_DEATHS, DEATHS_SECONDS = 5, 60.0
"""A worker that dies more often than that is not started again."""


class Loading(Engine):
    """`_loading`: somebody still waits for it. `_worker_name`: its thread, in words."""

    _worker_name = "the model worker"
    _loading = False

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS)
        self._last = ModelState("waiting", "not started")
        self.on_state: Callable[[ModelState], None] | None = None
        """Told of each new state, in whatever thread that comes about."""

    @property
    def _state(self) -> ModelState:
        return self._last

    @_state.setter
    def _state(self, state: ModelState) -> None:
        self._last = state
        if self.on_state is not None:
            self.on_state(state)

    def _report(self, state: ModelState) -> None:
        """On the way to being ready; called from any thread. Raises where nobody
        waits for that any more: a download ends here."""
        if not self._loading:
            raise EngineError("engine_stopped", "The engine was stopped.")
        # A download has its own pace in the log.
        if state.name != "downloading" and state.message != self._state.message:
            logger.info("%s", state.message)
        self._state = state

    def _fail(self, text: str) -> None:
        self._state = ModelState("failed", text)

    def _died(self, cause: str) -> bool:
        """Whether its worker is worth another start."""
        now = asyncio.get_running_loop().time()
        self._deaths.append(now)
        if len(self._deaths) == MAX_DEATHS and now - self._deaths[0] < DEATHS_SECONDS:
            self._fail(f"{self._worker_name} keeps dying: {cause}")
            return False
        restarting = f"{self._worker_name} restarts after: {cause}"
        self._state = ModelState("loading", restarting)
        return True
