"""LocalEngine: requests in, events out; the model runs in the worker's thread.

Counts: `prompt_tokens` is the rendered prompt without any progress; every id the
reply consumed is a completion token, the end-of-sequence token and those of a stop
string included, and so are the tokens of an earlier attempt. `max_tokens` bounds
that same count, and the context bounds both together.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from chat.engines.base import (
    ChatMessage,
    EngineError,
    EngineEvent,
    EngineLost,
    EngineRequest,
    Finished,
    ModelInfo,
    ModelState,
    Params,
    Prompted,
)
from chat.engines.local.drafts import Drafts
from chat.engines.local.job import Inbox, Job, JobMaker
from chat.engines.local.loading import Loaded, Wanted, load
from chat.engines.local.memory import batching, cache_tokens, footprint
from chat.engines.local.quantize import Quantization
from chat.engines.local.speculation import Speculator
from chat.engines.local.worker import BatchWorker
from chat.engines.shelf import Loadable
from chat.observe.metrics import count_drafts

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0
WATCHES_A_STEP = 8
SHORT_CHARS, SHORT_MESSAGES = 500, 8
"""A third of a millisecond, with the template."""


class LocalEngine(Loadable):
    """One model in memory, whatever the number of requests."""

    def __init__(
        self,
        model: str,
        info: ModelInfo | None = None,
        *,
        cache_size: int | None = None,
        cache_bytes: int | None = None,
        max_batch_tokens: int = 256,
        max_requests: int = 64,
        max_tokens: int = 1024,
        device: str | None = None,
        step_seconds: float = 120,
        revision: str | None = None,
        budget: int | None = None,
        quantization: Quantization = "none",
        lookup_tokens: int = 0,
        draft_model: str | None = None,
    ) -> None:
        """`model`: a folder or hub id; `info`: what it is called here. Loads nothing.

        `cache_size`: tokens of key-value cache, or `cache_bytes` of memory for it,
        else what there is.
        `max_batch_tokens`: of one step at most; a model for which that takes long
        computes fewer (`scheduler`). `max_requests`: in one step; more wait their turn.
        `max_tokens`: of a reply whose request does not say. `step_seconds`: a step
        that takes longer hangs, and the worker is given up for another. `revision`:
        of the hub. `budget`: bytes of memory it may take, where that is said.
        `lookup_tokens`: guessed ahead at most from the text itself, 0: none.
        `draft_model`: a small one that guesses ahead, with the same tokenizer.
        """
        super().__init__()
        self._wanted = Wanted(
            model, revision, device, cache_bytes, budget, quantization
        )
        self._info = info or ModelInfo(model, Path(model).name)
        self._cache_size = cache_size
        self._cache_bytes = cache_bytes
        self._max_batch_tokens = max_batch_tokens
        self._max_requests = max_requests
        self._max_tokens = max_tokens
        self._step_seconds = step_seconds
        self._drafts = Drafts(lookup_tokens, draft_model)
        self._loaded: Loaded | None = None
        self._tokens: int | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self._worker: BatchWorker | None = None
        self._maker: JobMaker | None = None
        self._inboxes: dict[str, Inbox] = {}
        self._serial = 0
        self._started = False
        self._recovery: asyncio.Task[None] | None = None
        self._seconds: float | None = None
        self.models = [self._info]

    @property
    def problem(self) -> str | None:
        return None if self._state.name == "ready" else self._state.message

    def states(self) -> dict[str, ModelState]:
        return {self._info.id: self._state}

    async def measure(self) -> int:
        self._loading = True
        requests = self._max_requests
        try:
            weights, cache = await asyncio.to_thread(
                footprint, self._wanted, self._report, requests
            )
            weights += await asyncio.to_thread(
                self._drafts.measure, self._wanted, self._report
            )
        except BaseException as error:
            self._loading = False
            self._fail(str(error))
            raise
        size = weights + cache
        self._wanted = replace(self._wanted, budget=size)
        self._cache_bytes = cache
        self._state = ModelState("waiting", f"{self._info.id} waits for memory")
        return size

    async def start(self) -> None:
        if self._worker is not None:
            return
        worker: BatchWorker | None = None
        began = time.monotonic()
        self._loading = True
        self._report(ModelState("loading", f"loading {self._info.id}"))
        try:
            loaded = await asyncio.to_thread(load, self._wanted, self._report)
            loaded = await asyncio.to_thread(
                self._drafts.load, loaded, self._wanted, self._report
            )
            self._loaded = loaded
            worker = self._start_worker(loaded)
            self._watchdog = asyncio.create_task(self._watch(), name="watchdog")
            self._report(ModelState("loading", f"warming up {self._info.id}"))
            await self._warm_up()
        except BaseException as error:
            await self._release()
            cause = worker and worker.last_error
            text = f"{self._info.id} cannot be served: {cause or error}"
            if worker is None and isinstance(error, EngineError):
                text = error.message  # of the load, which names the model
            self._fail(text)
            if cause is not None:
                raise EngineError("model_broken", text) from cause
            raise
        self._seconds = time.monotonic() - began
        logger.info("%s was started in %.1f s", self._info.id, self._seconds)
        self._ready()

    async def stop(self) -> None:
        self._state = ModelState("waiting", "stopped")
        await self._release()

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        worker, maker = self._worker, self._maker
        if worker is None or maker is None:
            raise EngineError("not_ready", self._state.message, retryable=True)
        if request.id in self._inboxes:
            raise EngineError("duplicate_request", f"{request.id} is running already.")
        inbox = self._inboxes[request.id] = Inbox()
        # The worker must never see an id twice, not even a cancelled one's.
        self._serial += 1
        internal = f"{self._serial}:{request.id}"
        try:
            if is_short(request):
                job = maker.make(request)
            else:
                job = await asyncio.to_thread(maker.make, request)
            yield Prompted(len(job.prompt.ids))
            if job.ahead:
                yield job.ahead
            if job.left > 0 and not job.reply.over:
                accepted = submit(worker, internal, job, inbox)
                while accepted and not (inbox.exhausted or job.reply.over):
                    if fresh := await inbox.fresh():
                        yield job.push(fresh)
                if not accepted or (inbox.failed and not job.reply.over):
                    await inbox.released()
                    raise self._ended()
            if tail := job.finish():
                yield tail
            yield Finished(job.finish_reason, len(job.prompt.ids), job.reply.completed)
        finally:
            del self._inboxes[request.id]
            worker.cancel(internal)

    def _start_worker(self, loaded: Loaded) -> BatchWorker:
        loop = asyncio.get_running_loop()
        if self._tokens is None:
            # Once: a device that hangs is not asked again, and what a worker that was
            # given up still holds would make the cache, and the context, smaller.
            self._tokens = cache_tokens(
                loaded, self._cache_size, self._cache_bytes, self._max_requests
            )
        tokens = self._tokens
        context = min(loaded.context, tokens)
        config = batching(tokens, self._max_batch_tokens, self._max_requests)
        self._maker = JobMaker(loaded, context=context, max_tokens=self._max_tokens)
        self.models = [replace(self._info, context_tokens=context)]

        def on_exit() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._worker_exited, worker)

        count = self.on_guesses or partial(count_drafts, self._info.id)
        speculator = Speculator(self._drafts.sources(loaded), count)
        worker = BatchWorker(loaded.model, config, on_exit, speculator)
        self._worker = worker
        worker.start()
        logger.info("%d tokens of cache, context %d", tokens, context)
        return worker

    async def _warm_up(self) -> None:
        """The shortest possible reply: raises where the worker cannot serve."""
        hello = ChatMessage(role="user", content="Hello")
        params = Params(max_tokens=2, temperature=0.0)
        name = f"warm-up-{self._serial}"
        async for _event in self.stream(EngineRequest(name, name, [hello], params)):
            pass

    def _worker_exited(self, worker: BatchWorker) -> None:
        """On the event loop, after the thread's last output: start it again."""
        if worker is not self._worker:
            return  # stopped on purpose, or given up
        self._release_all()
        if not self._started:
            return  # `start` says what happened
        cause = str(worker.last_error or "its thread ended")
        logger.error("The model worker died: %s", cause)
        if self._died(cause):
            worker.restart()
            self._recovery = asyncio.create_task(self._recover())
        else:
            self._worker = None

    async def _watch(self) -> None:
        """Give up a worker whose step does not end, and start another: but once. One
        that hangs while it recovers has a device that is gone."""
        while True:
            await asyncio.sleep(self._step_seconds / WATCHES_A_STEP)
            worker = self._worker
            if worker is None or worker.step_seconds < self._step_seconds:
                continue
            cause = TimeoutError(f"a step took more than {self._step_seconds:g} s")
            logger.error("The model worker hangs: %s", cause)
            worker.abandon(cause)
            recovering = self.problem is not None
            self._release_all()
            if not self._started or self._loaded is None:
                return  # `start` says what happened
            self._worker = None
            if recovering:
                self._fail(f"the model worker keeps hanging: {cause}")
            elif self._died(str(cause)):
                self._start_another(self._loaded)

    def _start_another(self, loaded: Loaded) -> None:
        try:
            self._start_worker(loaded)
        except Exception as error:  # whatever a device that is gone says
            logger.exception("The model worker cannot be started again")
            self._worker = None
            self._fail(f"the model worker cannot be started again: {error}")
        else:
            self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        with suppress(EngineError):  # died again: the next recovery is on its way
            await self._warm_up()
            self._ready()

    def _ready(self) -> None:
        self._started = True
        self._state = ModelState("ready", seconds=self._seconds)
        logger.info("%s is ready", self._info.id)

    def _release_all(self) -> None:
        for inbox in self._inboxes.values():
            inbox.release()

    def _ended(self) -> EngineLost:
        if self._worker is None:
            return EngineLost("engine_stopped", "The engine was stopped.")
        return EngineLost("engine_restarted", "The model worker was restarted.")

    async def _release(self) -> None:
        worker, self._worker, self._maker = self._worker, None, None
        self._started, self._loaded, self._tokens = False, None, None
        self._loading = False
        self._drafts.release()
        if self._watchdog is not None:
            self._watchdog.cancel()
        if worker is not None:
            await asyncio.to_thread(
                worker.stop, block=True, timeout=STOP_SECONDS, hard_stop=True
            )
        self._release_all()
        gc.collect()


def is_short(request: EngineRequest) -> bool:
    """Whether it is sooner tokenised than handed to a thread, which has to wait for
    its turn at the interpreter."""
    said = request.messages
    if request.progress or request.params.tools or len(said) > SHORT_MESSAGES:
        return False
    calls = any(message.get("tool_calls") for message in said)
    # Whatever they hold: what is no message is refused where it is tokenised.
    size = sum(len(str(message.get("content"))) for message in said)
    return not calls and size <= SHORT_CHARS


def submit(worker: BatchWorker, internal: str, job: Job, inbox: Inbox) -> bool:
    """False where the worker is dead."""
    return worker.submit(
        internal,
        job.ids,
        max_new_tokens=job.left,
        ends=job.ends,
        chooser=job.chooser,
        on_output=inbox.put,
    )
